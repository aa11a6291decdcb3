import CZlib

/// CRC-32 as zlib, gzip and PNG compute it; `zlib.crc32` in Python gives the same.
package struct Checksum: Sendable, Hashable {
    package private(set) var value: UInt32 = 0

    package init() {}
    package init(of bytes: UnsafeRawBufferPointer) { add(bytes) }
    package init(of text: String) { Array(text.utf8).withUnsafeBytes { add($0) } }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        value = UInt32(truncatingIfNeeded: crc32_z(UInt(value), start.assumingMemoryBound(to: UInt8.self), bytes.count))
    }

    /// Eight hexadecimal digits.
    package var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
