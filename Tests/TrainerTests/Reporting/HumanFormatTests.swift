import Testing
@testable import Trainer

@Suite struct HumanFormatTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345"), (Int.min, "-9,223,372,036,854,775,808")])
    func grouped(_ number: Int, _ text: String) { #expect(HumanFormat.grouped(number) == text) }

    @Test(arguments: [
        (0, "0"), (987, "987"), (1234, "1.23 K"), (12_345, "12.3 K"), (134_515_008, "135 M"), (6_738_415_616, "6.74 B"), (999_600, "1.00 M"), (999_499, "999 K"),
        (Int.max, "9223372 T"), (-1234, "-1.23 K"),
    ]) func count(_ number: Int, _ text: String) { #expect(HumanFormat.count(number) == text) }

    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (10 << 20, "10.0 MiB"), (100 << 20, "100 MiB"), (1023 << 20, "1.00 GiB"),
        (24 << 30, "24.0 GiB"),
    ]) func bytes(_ number: Int, _ text: String) { #expect(HumanFormat.bytes(number) == text) }

    @Test(arguments: [
        (0, "0 s"), (0.00123, "0.0012 s"), (0.35, "0.35 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1m 00s"), (185, "3m 05s"), (3599.6, "1h 00m"),
        (3725, "1h 02m"), (90_000, "1d 01h"), (-65, "-1m 05s"), (.nan, "?"), (.infinity, "?"),
    ]) func duration(_ seconds: Double, _ text: String) { #expect(HumanFormat.duration(seconds) == text) }

    @Test(arguments: [
        (0, "0"), (3.44444, "3.444"), (0.0123456, "0.01235"), (39_400_000, "39,400,000"), (39_412_345, "39,410,000"), (999.96, "1,000"), (9.9996, "10.00"),
        (1.23456e-7, "1.235e-07"), (1.5e20, "1.500e+20"), (-2.5, "-2.500"), (.nan, "nan"), (-.infinity, "-inf"), (1000, "1,000"), (0.001, "0.001000"),
    ]) func significant(_ number: Double, _ text: String) { #expect(HumanFormat.significant(number) == text) }

    @Test func others() {
        #expect(HumanFormat.percent(0.305) == "30.5 %")
        #expect(HumanFormat.scientific(1e-4) == "1.00e-04")
        #expect(HumanFormat.fixed(.infinity, decimals: 2) == "inf")
    }
}

@Suite struct ProcessMemoryTests {
    @Test func parsing() {
        #expect(ProcessMemory.resident(statm: "100 25 3 4 0 5 0\n", pageSize: 4096) == 102_400)
        #expect(ProcessMemory.resident(statm: "100", pageSize: 4096) == nil)
        #expect(ProcessMemory.resident(statm: "1 9223372036854775807", pageSize: 4096) == nil)
        #expect(ProcessMemory.peak(status: "Name:\tx\nVmPeak:\t 900 kB\nVmHWM:\t   123 kB\n") == 125_952)
        #expect(ProcessMemory.peak(status: "Name:\tx\n") == nil)
    }

    /// Memory that was touched shows, and the peak is not below what is there now.
    @Test func seesWhatIsUsed() throws {
        let before = try #require(ProcessMemory.resident)
        let block = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 4096)
        defer { block.deallocate() }
        block.initializeMemory(as: UInt8.self, repeating: 1, count: 64 << 20)
        let now = try #require(ProcessMemory.resident)
        #expect(now > before + (32 << 20))
        #expect(try #require(ProcessMemory.peak) > 64 << 20)
    }
}
