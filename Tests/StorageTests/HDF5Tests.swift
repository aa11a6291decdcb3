import Foundation
import Storage
import Testing

@Suite struct HDF5Tests {
    @Test func readsWhatH5pyWrote() throws {
        let file = try HDF5File.open(goldens + "/reference.h5")
        let signed = (0..<24).map { $0 - 7 }, plain = Array(0..<24)
        #expect(try file.shape(of: "group/float32") == [2, 3, 4])
        #expect(try file.read("group/float32") == signed.map { Float($0) })
        #expect(try file.read("group/float64") == signed.map { Double($0) })
        #expect(try file.read("group/uint8") == plain.map { UInt8($0) })
        #expect(try file.read("group/int8") == signed.map { Int8($0) })
        #expect(try file.read("group/uint16") == plain.map { UInt16($0) })
        #expect(try file.read("group/int32") == signed.map { Int32($0) })
        #expect(try file.read("group/uint32") == plain.map { UInt32($0) })
        #expect(try file.read("group/int64") == signed.map { Int64($0) })
        #expect(try file.read("group/int64") == signed)
        #expect(try file.read("group/uint64") == plain.map { UInt64($0) })
        #expect(try file.readText("group/text") == "text naïve")
        #expect(try file.stringAttribute("variable", at: "group") == "naïve")
        #expect(try file.stringAttribute("fixed", at: "group") == "fixed")
        #expect(try file.intAttribute("int", at: "group") == 42)
        #expect(try file.doubleAttribute("double", at: "group") == 0.1)
        #expect(try file.doubleAttribute("int", at: "group") == 42)
        #expect(try file.children() == ["group"])
        #expect(try file.children(of: "group").count == 11)
        try file.close()
    }

    @Test func readsAPart() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("heal-part-\(UUID().uuidString).h5").path
        defer { unlink(path) }
        let file = try HDF5File.create(path), halves: [Float16] = [0, 0.5, -2, 65504, 6e-8, .infinity], counts = Array(0..<70_000 as Range<UInt32>)
        try file.write(halves, at: "a/half")
        try file.write(counts, at: "a/count")
        try file.write([1, 2, 3, 4] as [Float], shape: [2, 2], at: "square")
        #expect(try file.read("a/half") == halves)
        for range in [0..<0, 0..<6, 2..<5, 5..<6, 6..<6] { #expect(try file.read("a/half", range) == Array(halves[range])) }
        #expect(try file.read("a/count", 69_000..<70_000) == Array(counts[69_000...]))
        for range in [0..<7, 6..<7, -1..<2] { #expect(failure { _ = try file.read("a/half", range, as: Float16.self) }?.code == .mismatch) }
        #expect(failure { _ = try file.read("square", 0..<2, as: Float.self) }?.code == .mismatch)
        #expect(failure { _ = try file.read("a/count", 0..<2, as: Float.self) }?.code == .mismatch)
        try file.close()
    }

    @Test func namesWhatIsWrong() throws {
        let file = try HDF5File.open(goldens + "/reference.h5")
        #expect(failure { _ = try file.read("group/float32", as: Double.self) }?.code == .mismatch)
        #expect(failure { _ = try file.read("group/none", as: Float.self) }?.code == .missing)
        #expect(failure { _ = try file.read("none/none", as: Float.self) }?.code == .missing)
        #expect(failure { _ = try file.read("group/unchecked", as: Float.self) }?.code == .checksum)
        #expect(failure { _ = try file.read("group", as: Float.self) }?.code == .library)
        #expect(failure { _ = try file.children(of: "group/float32") }?.code == .library)
        #expect(failure { _ = try file.children(of: "none") }?.code == .missing)
        #expect(failure { _ = try file.intAttribute("variable", at: "group") }?.code == .mismatch)
        #expect(failure { _ = try file.intAttribute("double", at: "group") }?.code == .mismatch)
        #expect(failure { _ = try file.intAttribute("list", at: "group") }?.code == .mismatch)
        #expect(failure { _ = try file.stringAttribute("int", at: "group") }?.code == .mismatch)
        #expect(try file.stringAttribute("none", at: "group") == nil)
        #expect(failure { try file.write([1 as Float], at: "group/new") }?.code == .library)
        try file.close()
        try file.close()
        #expect(failure { _ = try file.read("group/float32", as: Float.self) }?.code == .closed)
        #expect(failure { _ = try HDF5File.open(goldens + "/none.h5") }?.code == .notFound)
        let error = failure { _ = try HDF5File.open(goldens + "/make.py") }
        #expect(error?.code == .library)
        #expect(error?.cause?.contains("signature") == true)
    }

    private func fill(_ file: HDF5File) throws {
        try file.write([1, -2.5, .infinity, 0] as [Float], shape: [2, 2], at: "model/cores/layer.0.weight.cores.0")
        try file.write([UInt64.max, 7], at: "random/state")
        try file.write([Double.pi], shape: [], at: "scalar")
        try file.write([Float](), shape: [0, 3], at: "empty")
        try file.createGroup("data/position")
        try file.createGroup("data/position")
        try file.setAttribute("version", 1, at: "/")
        try file.setAttribute("version", 2, at: "/")
        try file.setAttribute("type", "MPO ü", at: "model")
        try file.setAttribute("rate", 1e-4, at: "data/position")
        try file.writeText("{\"näh\": 1}", at: "config")
        try file.writeText("", at: "nothing")
    }

    @Test func readsWhatItWrote() throws {
        try withScratch { scratch in
            let path = scratch + "/x.h5"
            let created = try HDF5File.create(path)
            try fill(created)
            #expect(failure { try created.write([1 as Float], at: "scalar") }?.code == .mismatch)
            #expect(failure { try created.write([1 as Float], shape: [2], at: "wrong") }?.code == .mismatch)
            try created.close()
            let file = try HDF5File.open(path)
            #expect(try file.children() == ["config", "data", "empty", "model", "nothing", "random", "scalar"])
            #expect(try file.read("model/cores/layer.0.weight.cores.0") == [1, -2.5, .infinity, 0] as [Float])
            #expect(try file.shape(of: "model/cores/layer.0.weight.cores.0") == [2, 2])
            #expect(try file.read("random/state") == [UInt64.max, 7])
            #expect(try file.shape(of: "scalar") == [])
            #expect(try file.read("scalar") == [Double.pi])
            #expect(try file.shape(of: "empty") == [0, 3])
            #expect(try file.read("empty") == [Float]())
            #expect(try file.exists("data/position"))
            #expect(try !file.exists("data/other"))
            #expect(try file.intAttribute("version", at: "/") == 2)
            #expect(try file.stringAttribute("type", at: "model") == "MPO ü")
            #expect(try file.doubleAttribute("rate", at: "data/position") == 1e-4)
            #expect(try file.readText("config") == "{\"näh\": 1}")
            #expect(try file.readText("nothing") == "")
        }
    }

    @Test func equalContentGivesEqualFiles() throws {
        try withScratch { scratch in
            for name in ["a", "b"] {
                let file = try HDF5File.create(scratch + "/" + name)
                try fill(file)
                try file.close()
            }
            #expect(try bytes(scratch + "/a") == bytes(scratch + "/b"))
        }
    }

    @Test func detectsFlippedBits() throws {
        try withScratch { scratch in
            let path = scratch + "/x.h5"
            let marker = (0..<16).map { Float($0) + 0.125 }
            let file = try HDF5File.create(path)
            try file.write(marker, at: "data")
            try file.close()
            let whole = try bytes(path)
            let pattern = marker.withUnsafeBytes { Array($0) }
            let start = try #require(whole.indices.first { whole[$0...].starts(with: pattern) })
            for bit in stride(from: 0, to: pattern.count * 8, by: 37) {
                var flipped = whole
                flipped[start + bit / 8] ^= 1 << UInt8(bit % 8)
                try write(flipped, to: path)
                let damaged = try HDF5File.open(path)
                #expect(failure { _ = try damaged.read("data", as: Float.self) }?.code == .checksum, "bit \(bit)")
            }
        }
    }

    @Test func servesSeveralThreads() throws {
        try withScratch { scratch in
            let file = try HDF5File.create(scratch + "/x.h5")
            let failures = (0..<64).map { _ in Flag() }
            DispatchQueue.concurrentPerform(iterations: 64) { index in
                do {
                    try file.write([Int32](repeating: Int32(index), count: 100), at: "d/\(index)")
                    let back: [Int32] = try file.read("d/\(index)")
                    if back != [Int32](repeating: Int32(index), count: 100) { failures[index].raise() }
                } catch { failures[index].raise() }
            }
            #expect(failures.allSatisfy { !$0.isRaised })
            #expect(try file.children(of: "d").count == 64)
        }
    }
}

private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var raised = false
    func raise() { lock.withLock { raised = true } }
    var isRaised: Bool { lock.withLock { raised } }
}
