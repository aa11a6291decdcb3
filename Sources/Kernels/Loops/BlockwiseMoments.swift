import CShims

/// Both moments of one parameter in 8 bits an element, in blocks with a scale each (Dettmers et al. 2021, arXiv 2110.02861).
///
/// Accumulators with one owner. The code is that of `heal_adamw_8bit_f32`; all zero means zero moments.
package struct BlockwiseMoments: Sendable {
    /// Elements that share a scale.
    package static let block = Int(HEAL_MOMENT_BLOCK)

    package let count: Int
    private let codes: Memory
    /// One for each block, f32.
    package let mScale, vScale: Tensor

    /// Zero moments of `count` elements.
    package init(count: Int) {
        self.count = count
        codes = Memory(byteCount: 2 * count)
        codes.base.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * count)
        let blocks = (count + Self.block - 1) / Self.block
        mScale = Tensor.zeros([blocks], .f32)
        vScale = Tensor.zeros([blocks], .f32)
    }

    /// The codes of the first moment, and of the second, one byte an element.
    package var m: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: codes.base, count: count) }
    package var v: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: codes.base + count, count: count) }

    package var byteCount: Int { 2 * count + mScale.byteCount + vScale.byteCount }
}

/// Random bits for rounding: a function of what they are for and of nothing else, so that they are the same for any number of threads and after any
/// resume.
package struct RoundingBits: Sendable {
    private let key: UInt64

    /// - Parameters:
    ///   - seed: of the run.
    ///   - step: updates done, this one included.
    ///   - parameter: its index.
    package init(seed: Int, step: Int, parameter: Int) {
        key = [step, parameter].reduce(Self.mixed(UInt64(bitPattern: Int64(seed)))) { Self.mixed($0 ^ UInt64(bitPattern: Int64($1))) }
    }

    /// The key of a block of elements for the loops.
    func key(block: Int) -> UInt32 { UInt32(truncatingIfNeeded: Self.mixed(key ^ UInt64(block))) }

    /// The output function of SplitMix64 (Steele, Lea and Flood 2014) after one increment.
    private static func mixed(_ x: UInt64) -> UInt64 {
        var bits = x &+ 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
