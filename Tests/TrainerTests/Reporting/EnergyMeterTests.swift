import Foundation
import TestSupport
import Testing

@testable import Trainer

@Suite struct EnergyMeterTests {
    private func write(_ root: String, _ zone: String, _ name: String, _ energy: UInt64) throws {
        try FileManager.default.createDirectory(atPath: "\(root)/\(zone)", withIntermediateDirectories: true)
        for (file, text) in [("name", name), ("energy_uj", "\(energy)"), ("max_energy_range_uj", "1000000000")] {
            try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: "\(root)/\(zone)/\(file)"))
        }
    }

    /// Packages are added up, parts of them are not counted twice, and a counter may start again.
    @Test func joulesOfAllPackages() throws {
        try GoldenFiles.withTemporaryDirectory { root in
            try write(root, "intel-rapl:0", "package-0", 5_000_000)
            try write(root, "intel-rapl:0:0", "core", 1_000_000)
            try write(root, "intel-rapl:1", "package-1", 999_000_000)
            let meter = EnergyMeter(root: root), start = meter.reading()
            #expect(start != nil && meter.joules(since: start) == 0 && meter.joules(since: nil) == nil)
            try write(root, "intel-rapl:0", "package-0", 7_500_000)
            try write(root, "intel-rapl:0:0", "core", 2_000_000)
            try write(root, "intel-rapl:1", "package-1", 2_000_000)
            #expect(meter.joules(since: start) == 2.5 + 3)
        }
    }

    @Test func nothingToRead() throws {
        #expect(EnergyMeter(root: "/nowhere").reading() == nil)
        try GoldenFiles.withTemporaryDirectory { root in
            try write(root, "intel-rapl:0", "package-0", 5)
            try Data("strange".utf8).write(to: URL(fileURLWithPath: root + "/intel-rapl:0/energy_uj"))
            let meter = EnergyMeter(root: root)
            #expect(meter.reading() == nil && meter.joules(since: meter.reading()) == nil)
        }
    }
}
