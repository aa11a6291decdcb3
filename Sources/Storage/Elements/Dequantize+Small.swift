/// Blocks of two to four bits an element: the smallest K-quants, and four bits that choose from an uneven table.
extension Dequantize {
    // 16 bytes (scale in the low half, minimum in the high half, one for 16 elements), 64 bytes of two bits, d, dmin (halves).
    static func q2K(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 84, out = target + block &* 256
            let scales = bytes(start), d = half(start + 80), dmin = half(start + 82)
            for part in 0..<16 {
                let scale = d * Float(scales[part] & 15), minimum = dmin * Float(scales[part] >> 4)
                let (bits, shift) = twoBits(bytes(start + 16), part)
                for index in 0..<16 { out[part &* 16 &+ index] = scale * Float((bits[index] &>> shift) & 3) - minimum }
            }
        }
    }

    // 32 bytes of third bits (group g of 32 elements in bit g; a set bit adds nothing, a clear one takes 4 away), 64 bytes of
    // two bits, 12 bytes of scales, d (half).
    static func q3K(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 110, out = target + block &* 256
            let d = half(start + 108)
            for part in 0..<16 {
                let step = d * Float(scaleOf6Bits(bytes(start + 96), part))
                let (bits, shift) = twoBits(bytes(start + 32), part)
                let third = bytes(start + (part & 1) &* 16), bit = UInt8(truncatingIfNeeded: part >> 1)
                for index in 0..<16 {
                    let low = Int32((bits[index] &>> shift) & 3), clear = Int32((third[index] &>> bit) & 1) ^ 1
                    out[part &* 16 &+ index] = step * Float(low &- clear &* 4)
                }
            }
        }
    }

    // d (half), 16 bytes: element j in the low half of byte j, element j + 16 in its high half.
    static func iq4NL(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 18
            unevenFourBits(bytes(start + 2), half(start), target + block &* 32)
        }
    }

    // d (half), upper pairs of bits of the scales (16 bits, group g of 32 elements in bits 2g and 2g + 1), their low halves
    // (4 bytes), 128 bytes as in IQ4_NL.
    static func iq4XS(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 136, out = target + block &* 256
            let d = half(start), high = (start + 2).loadUnaligned(as: UInt16.self), low = bytes(start + 4)
            for group in 0..<8 {
                let bottom = Int32((low[group >> 1] &>> UInt8(truncatingIfNeeded: (group & 1) &* 4)) & 15)
                let top = Int32((high &>> UInt16(truncatingIfNeeded: group &* 2)) & 3)
                unevenFourBits(bytes(start + (8 &+ group &* 16)), d * Float((bottom | top &<< 4) &- 32), out + group &* 32)
            }
        }
    }

    /// Where the two bits of 16 elements lie: bytes and shift. Each 32 bytes hold four groups of 32 elements, low bits first.
    @inline(__always)
    private static func twoBits(_ bits: UnsafePointer<UInt8>, _ part: Int) -> (UnsafePointer<UInt8>, UInt8) {
        (bits + ((part >> 3) &* 32 &+ (part & 1) &* 16), UInt8(truncatingIfNeeded: ((part >> 1) & 3) &* 2))
    }

    /// Scale `index` of Q3_K: low halves in bytes 0 … 7 (of the first eight scales in the low half of each), upper pairs of bits in bytes 8 … 11.
    @inline(__always)
    private static func scaleOf6Bits(_ scales: UnsafePointer<UInt8>, _ index: Int) -> Int32 {
        let low = (scales[index & 7] &>> UInt8(truncatingIfNeeded: (index >> 3) &* 4)) & 15
        let high = (scales[8 &+ (index & 3)] &>> UInt8(truncatingIfNeeded: (index >> 2) &* 2)) & 3
        return Int32(low | high &<< 4) &- 32
    }

    @inline(__always)
    private static func unevenFourBits(_ bits: UnsafePointer<UInt8>, _ step: Float, _ out: UnsafeMutablePointer<Float>) {
        for index in 0..<16 {
            out[index] = step * unevenLevels[Int(bits[index] & 15)]
            out[index &+ 16] = step * unevenLevels[Int(bits[index] >> 4)]
        }
    }

    /// The sixteen levels of IQ4_NL and IQ4_XS, closer together around zero (`kvalues_iq4nl` in ggml).
    private static let unevenLevels: [Float] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
}
