/// A 64-bit hash of bytes that is the same on every machine and in every run. Not cryptographic: it tells changed files, not forged ones.
package struct ContentHash: Sendable {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    package init() {}

    /// The hash of everything combined so far, in order.
    package var value: UInt64 { Self.mix(state) }

    package mutating func combine(_ word: UInt64) {
        state = Self.mix(state ^ word) &+ 0x9E37_79B9_7F4A_7C15
    }

    /// Combines the bytes and their count, eight at a time.
    package mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        combine(UInt64(bytes.count))
        var h = state
        var i = 0
        while i &+ 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            h = (h ^ word) &* 0x9FB2_1C65_1E98_DF25
            h ^= h >> 32
            i &+= 8
        }
        var tail: UInt64 = 0
        while i < bytes.count {
            tail = tail << 8 | UInt64(bytes[i])
            i &+= 1
        }
        state = Self.mix(h ^ tail)
    }

    package mutating func combine(_ text: String) {
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    /// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every input bit reaches every output bit.
    static func mix(_ x: UInt64) -> UInt64 {
        var z = x
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
