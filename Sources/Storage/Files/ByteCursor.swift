import Basics

/// Reads little-endian values one after the other from untrusted bytes; every step is checked against what is left.
struct ByteCursor {
    let bytes: UnsafeRawBufferPointer
    let file: String
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
    }

    var remaining: Int { bytes.count - position }

    /// Moves to a position that was reached before.
    mutating func skip(to start: Int) {
        precondition(start >= 0 && start <= bytes.count)
        position = start
    }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
        _ what: @autoclosure () -> String, as type: T.Type = T.self
    ) throws(StorageError) -> T {
        let slice = try take(UInt64(MemoryLayout<T>.size), what())
        return T(littleEndian: slice.loadUnaligned(as: T.self))
    }

    /// The next `count` bytes.
    mutating func take(_ count: UInt64, _ what: @autoclosure () -> String) throws(StorageError) -> UnsafeRawBufferPointer {
        guard count <= UInt64(remaining) else {
            throw StorageError(
                .truncated, file: file, place: "byte \(position)",
                "\(what()) needs \(count) bytes, but only \(remaining) are left; the file is damaged or was not fully downloaded")
        }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
        position += Int(count)
        return slice
    }
}
