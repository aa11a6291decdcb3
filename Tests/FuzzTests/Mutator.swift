import Foundation

/// SplitMix64: the same stream of numbers for the same seed.
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
}

/// Makes damaged files from sound ones: lengths and counts that lie, cut and doubled parts, words of the format in wrong places.
struct Mutator {
    let seeds: [[UInt8]]
    /// Words of the format.
    let words: [[UInt8]]
    /// Most changes fall into the first so many bytes, where headers are.
    let header: Int
    var random: Random

    mutating func next() -> [UInt8] {
        var bytes = seeds[random.below(seeds.count)]
        for _ in 0...random.below(4) { change(&bytes) }
        return bytes
    }

    private mutating func place(_ bytes: [UInt8]) -> Int {
        random.below(random.below(4) == 0 ? bytes.count : min(header, bytes.count))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let at = place(bytes)
        switch random.below(12) {
        case 0: if !bytes.isEmpty { bytes[at] ^= 1 << UInt8(random.below(8)) }
        case 1, 2: if !bytes.isEmpty { bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(random.below(256))][random.below(6)] }
        case 3, 4: overwrite(&bytes, at, integer(width: [2, 4, 8][random.below(3)]))
        case 5: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(16)))
        case 6: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 1 + random.below(64))], at: at)
        case 7: if random.below(4) == 0 { bytes.removeSubrange(at...) }
        case 8: number(&bytes, at)
        case 9: if !words.isEmpty { bytes.insert(contentsOf: words[random.below(words.count)], at: at) }
        case 10: if !words.isEmpty { overwrite(&bytes, at, words[random.below(words.count)]) }
        default: splice(&bytes, at)
        }
    }

    private func overwrite(_ bytes: inout [UInt8], _ at: Int, _ value: [UInt8]) {
        for (offset, byte) in value.enumerated() where at + offset < bytes.count { bytes[at + offset] = byte }
    }

    private static let edges: [UInt64] = [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, 1 << 62, 0x7FFF_FFFF_FFFF_FFFF, 1 << 63, .max,
    ]

    private mutating func integer(width: Int) -> [UInt8] {
        let value = Self.edges[random.below(Self.edges.count)] &+ UInt64(random.below(3)) &- 1
        return (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private static let numbers = [
        "0", "-1", "1", "2", "1e308", "1e999", "-0.0", "0.5", "65536", "2147483647", "4294967296", "9223372036854775807", "9223372036854775808",
        "99999999999999999999999", "1e-400", "NaN", "null", "true", "[]", "{}", "\"\"",
    ]

    /// Another value in place of the run of digits at or after `at`.
    private mutating func number(_ bytes: inout [UInt8], _ at: Int) {
        guard let start = bytes[at...].firstIndex(where: { 0x30...0x39 ~= $0 }) else { return }
        let end = bytes[start...].firstIndex { !(0x30...0x39 ~= $0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: Self.numbers[random.below(Self.numbers.count)].utf8)
    }

    /// The end of another seed.
    private mutating func splice(_ bytes: inout [UInt8], _ at: Int) {
        let other = seeds[random.below(seeds.count)]
        let from = place(other)
        bytes.replaceSubrange(at..<min(bytes.count, at + random.below(64)), with: other[from..<min(other.count, from + random.below(64))])
    }
}
