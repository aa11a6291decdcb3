import Basics
import Foundation
import Storage

let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Golden/storage"

/// A directory of the test's own, removed afterwards; in memory where possible, for thousands of small files are written.
func withScratch<Result>(_ body: (String) throws -> Result) throws -> Result {
    let inMemory = FileManager.default.isWritableFile(atPath: "/dev/shm")
    let path = (inMemory ? "/dev/shm" : FileManager.default.temporaryDirectory.path) + "/storage-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

func bytes(_ path: String) throws -> [UInt8] { try FileSystem.readAll(path) }

/// A new file each time: ext4 flushes to the disk when an existing one is emptied and written again.
func write(_ bytes: [UInt8], to path: String) throws {
    unlink(path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// The error that `body` throws, which must be a `StorageError`.
func failure(_ body: () throws -> Void) -> StorageError? {
    do {
        try body()
        return nil
    } catch { return error as? StorageError }
}

/// The same stream of numbers for the same seed.
struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

func bitPatterns(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

extension WeightSource {
    func bfloat16(_ name: String) throws -> [UInt16] {
        var values = [UInt16](repeating: 0, count: try shape(of: name).reduce(1, *))
        try values.withUnsafeMutableBufferPointer { try readBFloat16(name, into: $0) }
        return values
    }
}
