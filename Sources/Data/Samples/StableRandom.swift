/// A bijection of 0..<count that looks random: a Feistel network over the next power of four, walked until it lands inside.
///
/// Any place of the order is found directly, so an order of a billion rows costs no memory and can be entered anywhere. It depends on the
/// key and the count alone: the same on every machine. (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002.)
package struct Permutation: Sendable, Equatable {
    package let count: Int
    private let halfBits: UInt64
    private let keys: [UInt64]

    package init(count: Int, key: UInt64) {
        self.count = count
        var bits: UInt64 = 1
        while count > 1, bits < 31, (1 << (2 * bits)) < UInt64(count) { bits += 1 }
        halfBits = bits
        keys = (0..<6).map { round in
            var hash = ContentHash()
            hash.combine(key)
            hash.combine(UInt64(round))
            return hash.value
        }
    }

    package subscript(_ index: Int) -> Int {
        var value = UInt64(index)
        repeat { value = encrypt(value) } while value >= UInt64(count)
        return Int(value)
    }

    private func encrypt(_ value: UInt64) -> UInt64 {
        let mask = (UInt64(1) << halfBits) - 1
        var left = value >> halfBits
        var right = value & mask
        for key in keys { (left, right) = (right, left ^ (ContentHash.mix(right ^ key) & mask)) }
        return left << halfBits | right
    }
}

/// A key for one use of a seed, independent of the keys for its other uses.
func derivedKey(_ seed: UInt64, _ parts: UInt64...) -> UInt64 {
    var hash = ContentHash()
    hash.combine(seed)
    for part in parts { hash.combine(part) }
    return hash.value
}
