/// The K-quants: 256 elements a block, in sub-blocks with small integer scales of their own.
extension Dequantize {
    // d, dmin (halves), 12 bytes of scales, 128 bytes: two sub-blocks of 32 in each 32 bytes, low halves first.
    static func q4K(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 144, out = target + block &* 256
            let d = half(start), dmin = half(start + 2), scales = bytes(start + 4), q = bytes(start + 16)
            for pair in 0..<4 {
                let (low, lowMinimum) = scale(scales, pair &* 2), (high, highMinimum) = scale(scales, pair &* 2 &+ 1)
                let dLow = d * low, mLow = dmin * lowMinimum, dHigh = d * high, mHigh = dmin * highMinimum
                let bits = q + pair &* 32, values = out + pair &* 64
                for index in 0..<32 {
                    values[index] = dLow * Float(bits[index] & 15) - mLow
                    values[index &+ 32] = dHigh * Float(bits[index] >> 4) - mHigh
                }
            }
        }
    }

    // As Q4_K with 32 bytes of fifth bits after the scales: sub-block s of element j in bit s of byte j.
    static func q5K(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 176, out = target + block &* 256
            let d = half(start), dmin = half(start + 2), scales = bytes(start + 4), fifth = bytes(start + 16), q = bytes(start + 48)
            for pair in 0..<4 {
                let (low, lowMinimum) = scale(scales, pair &* 2), (high, highMinimum) = scale(scales, pair &* 2 &+ 1)
                let dLow = d * low, mLow = dmin * lowMinimum, dHigh = d * high, mHigh = dmin * highMinimum
                let bits = q + pair &* 32, values = out + pair &* 64
                let shift = UInt8(truncatingIfNeeded: pair &* 2)
                for index in 0..<32 {
                    let top = fifth[index] &>> shift
                    values[index] = dLow * Float(bits[index] & 15 | (top & 1) &<< 4) - mLow
                    values[index &+ 32] = dHigh * Float(bits[index] >> 4 | (top & 2) &<< 3) - mHigh
                }
            }
        }
    }

    // 128 bytes of low halves, 64 bytes of upper pairs of bits, 16 signed scales (one for 16 elements), d (half).
    static func q6K(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 210, out = target + block &* 256
            let scales = (start + 192).assumingMemoryBound(to: Int8.self), d = half(start + 208)
            for group in 0..<8 {
                // Eight groups of 32: the low bits of groups 0, 1, 2, 3 (and 4 … 7) lie in the low halves of the first and
                // second 32 bytes, then in their high halves; the upper bits in 32 bytes for each four groups.
                let half = group >> 2, quarter = group & 3
                let low = bytes(start + (half &* 64 &+ (quarter & 1) &* 32))
                let high = bytes(start + (128 &+ half &* 32))
                let lowShift = UInt8(truncatingIfNeeded: (quarter >> 1) &* 4), highShift = UInt8(truncatingIfNeeded: quarter &* 2)
                for part in 0..<2 {
                    let step = d * Float(scales[group &* 2 &+ part])
                    let values = out + (group &* 32 &+ part &* 16)
                    for index in 0..<16 {
                        let position = part &* 16 &+ index
                        let q = ((low[position] &>> lowShift) & 15) | (((high[position] &>> highShift) & 3) &<< 4)
                        values[index] = step * Float(Int32(q) &- 32)
                    }
                }
            }
        }
    }

    /// Scale and minimum (six bits each) of sub-block `index`. The first four lie in the low six bits of bytes 0 … 3 and
    /// 4 … 7; of the others, the low halves in bytes 8 … 11 and the upper two bits above those of the first four.
    @inline(__always)
    private static func scale(_ bytes: UnsafePointer<UInt8>, _ index: Int) -> (scale: Float, minimum: Float) {
        if index < 4 { return (Float(bytes[index] & 63), Float(bytes[index &+ 4] & 63)) }
        let mixed = bytes[index &+ 4]
        return (Float(mixed & 15 | (bytes[index &- 4] >> 6) &<< 4), Float(mixed >> 4 | (bytes[index] >> 6) &<< 4))
    }
}
