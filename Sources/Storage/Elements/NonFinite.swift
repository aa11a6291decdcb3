import Basics

/// Looks for NaN and infinity in stored numbers, at the speed of memory.
enum NonFinite {
    /// Index of the first element that is no finite number; nil where all are.
    static func first(in values: UnsafePointer<Float>, count: Int) -> Int? {
        first(UnsafeRawPointer(values), count, exponent: 0x7F80_0000 as UInt32, unit: 0x0080_0000)
    }

    /// The same of bf16.
    static func first(inBFloat16 values: UnsafePointer<UInt16>, count: Int) -> Int? {
        first(UnsafeRawPointer(values), count, exponent: 0x7F80 as UInt16, unit: 0x0080)
    }

    /// The same of elements as they are stored, which may be unaligned. Blocks and float64 are decoded in pieces: what overflows a Float is infinite.
    static func first(_ codec: ElementType.Codec, _ type: ElementType, _ source: UnsafeRawPointer, count: Int) -> Int? {
        switch codec {
        case .float32: first(source, count, exponent: 0x7F80_0000 as UInt32, unit: 0x0080_0000)
        case .bfloat16: first(source, count, exponent: 0x7F80 as UInt16, unit: 0x0080)
        case .float16: first(source, count, exponent: 0x7C00 as UInt16, unit: 0x0400)
        default: firstDecoded(codec, type, source, count)
        }
    }

    /// An exponent of all ones plus its own lowest bit carries into the sign's place, and no other exponent does.
    @inline(__always)
    private static func first<Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ count: Int, exponent: Bits, unit: Bits
    ) -> Int? {
        let width = MemoryLayout<Bits>.size, sign = ~(Bits.max >> 1), piece = 4096
        func carry(_ index: Int) -> Bits { (source.loadUnaligned(fromByteOffset: index &* width, as: Bits.self) & exponent) &+ unit }
        for start in stride(from: 0, to: count, by: piece) {
            let end = min(count, start + piece)
            var carries: Bits = 0
            for index in start..<end { carries |= carry(index) }
            if carries & sign != 0 { return (start..<end).first { carry($0) & sign != 0 } }
        }
        return nil
    }

    private static func firstDecoded(_ codec: ElementType.Codec, _ type: ElementType, _ source: UnsafeRawPointer, _ count: Int) -> Int? {
        let piece = 4096  // a multiple of every block size
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: piece) { buffer in
            for start in stride(from: 0, to: count, by: piece) {
                let size = min(piece, count - start)
                Dequantize.decode(codec, source + start / type.elementsPerBlock * type.bytesPerBlock, count: size, into: buffer.baseAddress!)
                if let place = first(in: buffer.baseAddress!, count: size) { return start + place }
            }
            return nil
        }
    }
}

extension StorageError {
    /// A tensor with a number in it that nothing can be computed with.
    ///
    /// - Parameters:
    ///   - index: of the element, in row-major order.
    ///   - stored: the number in the file, where that has a wider type.
    static func nonFinite(_ name: String, shape: [Int], index: Int, value: Float, stored: Double? = nil, file: String) -> StorageError {
        let width = max(1, shape.dropFirst().reduce(1, *))
        let place = shape.count < 2 ? "element \(index)" : "row \(index / width), column \(index % width)"
        if let stored, stored.isFinite {
            return StorageError(
                .malformed, file: file, place: name,
                "\(place) (counted from 0) is \(stored), too large for float32, the widest type computed in; the file is damaged, so get the model again")
        }
        let number = value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity"
        return StorageError(
            .malformed, file: file, place: name,
            "\(place) (counted from 0) is \(number): the file is damaged, or its training diverged; nothing can be computed with it, so get the model again")
    }
}
