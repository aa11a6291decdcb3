import Foundation

/// A small random generator whose stream depends on the seed alone (Steele, Lea and Flood 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// Uniform in (0, 1], so that its logarithm is finite.
    package mutating func nextUnit() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

    /// Two independent standard normal numbers (Box and Muller).
    package mutating func nextNormals() -> (Double, Double) {
        let radius = (-2 * log(nextUnit())).squareRoot()
        let angle = 2 * Double.pi * nextUnit()
        return (radius * cos(angle), radius * sin(angle))
    }
}
