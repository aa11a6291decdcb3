/// Blocks of stored elements to Float, in the same order of operations as the `gguf` Python package, so that the results
/// are the same bits. Sources may be unaligned; counts are whole blocks.
enum Dequantize {
    /// - Parameters:
    ///   - source: `count` elements as stored.
    ///   - count: a multiple of the type's elements per block.
    static func decode(_ codec: ElementType.Codec, _ source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<Float>) {
        switch codec {
        case .float32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
        case .float64:
            for index in 0..<count { target[index] = Float(source.loadUnaligned(fromByteOffset: index &* 8, as: Double.self)) }
        case .float16:
            for index in 0..<count { target[index] = half(source + index &* 2) }
        case .bfloat16:
            for index in 0..<count {
                target[index] = FloatFormats.float(bfloat16: source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self))
            }
        case .q8_0: q8_0(source, blocks: count / 32, target)
        case .q4_0: q4_0(source, blocks: count / 32, target)
        case .q4_1: q4_1(source, blocks: count / 32, target)
        case .q5_0: q5_0(source, blocks: count / 32, target)
        case .q5_1: q5_1(source, blocks: count / 32, target)
        case .q4K: q4K(source, blocks: count / 256, target)
        case .q5K: q5K(source, blocks: count / 256, target)
        case .q6K: q6K(source, blocks: count / 256, target)
        case .q2K: q2K(source, blocks: count / 256, target)
        case .q3K: q3K(source, blocks: count / 256, target)
        case .iq4NL: iq4NL(source, blocks: count / 32, target)
        case .iq4XS: iq4XS(source, blocks: count / 256, target)
        }
    }

    @inline(__always)
    static func half(_ pointer: UnsafeRawPointer) -> Float { FloatFormats.float(half: pointer.loadUnaligned(as: UInt16.self)) }

    @inline(__always)
    static func bytes(_ pointer: UnsafeRawPointer) -> UnsafePointer<UInt8> { pointer.assumingMemoryBound(to: UInt8.self) }

    // d (half), 32 signed bytes.
    private static func q8_0(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 34, out = target + block &* 32
            let d = half(start), q = (start + 2).assumingMemoryBound(to: Int8.self)
            for index in 0..<32 { out[index] = Float(q[index]) * d }
        }
    }

    // Four bits: element j in the low half of byte j, element j + 16 in its high half. d (half), 16 bytes.
    private static func q4_0(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 18, out = target + block &* 32
            let d = half(start), q = bytes(start + 2)
            for index in 0..<16 {
                out[index] = d * Float(Int32(q[index] & 15) &- 8)
                out[index &+ 16] = d * Float(Int32(q[index] >> 4) &- 8)
            }
        }
    }

    // d, m (halves), 16 bytes.
    private static func q4_1(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 20, out = target + block &* 32
            let d = half(start), m = half(start + 2), q = bytes(start + 4)
            for index in 0..<16 {
                out[index] = d * Float(q[index] & 15) + m
                out[index &+ 16] = d * Float(q[index] >> 4) + m
            }
        }
    }

    // As Q4, and the fifth bits in 32 bits, element j in bit j. d (half), 4 bytes, 16 bytes.
    private static func q5_0(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 22, out = target + block &* 32
            let d = half(start), high = (start + 2).loadUnaligned(as: UInt32.self), q = bytes(start + 6)
            for index in 0..<16 {
                let low = UInt32(q[index] & 15) | (high &>> UInt32(truncatingIfNeeded: index) & 1) &<< 4
                let top = UInt32(q[index] >> 4) | (high &>> UInt32(truncatingIfNeeded: index &+ 16) & 1) &<< 4
                out[index] = d * Float(Int32(bitPattern: low) &- 16)
                out[index &+ 16] = d * Float(Int32(bitPattern: top) &- 16)
            }
        }
    }

    // d, m (halves), 4 bytes, 16 bytes.
    private static func q5_1(_ source: UnsafeRawPointer, blocks: Int, _ target: UnsafeMutablePointer<Float>) {
        for block in 0..<blocks {
            let start = source + block &* 24, out = target + block &* 32
            let d = half(start), m = half(start + 2), high = (start + 4).loadUnaligned(as: UInt32.self), q = bytes(start + 8)
            for index in 0..<16 {
                let low = UInt32(q[index] & 15) | (high &>> UInt32(truncatingIfNeeded: index) & 1) &<< 4
                let top = UInt32(q[index] >> 4) | (high &>> UInt32(truncatingIfNeeded: index &+ 16) & 1) &<< 4
                out[index] = d * Float(Int32(bitPattern: low)) + m
                out[index &+ 16] = d * Float(Int32(bitPattern: top)) + m
            }
        }
    }
}
