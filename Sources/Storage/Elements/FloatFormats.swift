/// Conversions between the floating-point formats of stored tensors, without branches so that loops over them vectorise.
package enum FloatFormats {
    /// Exact. Swift's own conversion calls a library routine for every element on processors without F16C code paths.
    @inline(__always)
    package static func float(half bits: UInt16) -> Float {
        // Shift the 10-bit mantissa to its place and rescale the exponent by an exact power of two: subnormals come out
        // right. Infinities and NaNs (exponent 31) then get the exponent of a Float's.
        let magnitude = UInt32(bits & 0x7FFF) << 13
        let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
        let special: UInt32 = magnitude >= 0x0F80_0000 ? 0x7F80_0000 : 0
        return Float(bitPattern: scaled | special | UInt32(bits & 0x8000) << 16)
    }

    @inline(__always)
    package static func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// Rounds to nearest, ties to even; NaN stays NaN.
    @inline(__always)
    package static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
        let quiet = bits >> 16 | 0x40
        return UInt16(truncatingIfNeeded: bits & 0x7FFF_FFFF > 0x7F80_0000 ? quiet : rounded)
    }

    /// Rounds to nearest, ties to even; what is too large becomes infinite.
    @inline(__always)
    package static func half(_ value: Float) -> UInt16 { Float16(value).bitPattern }

    /// `values` as bf16, `target.count` elements.
    package static func round(_ values: UnsafePointer<Float>, into target: UnsafeMutableBufferPointer<UInt16>) {
        for index in 0..<target.count { target[index] = bfloat16(values[index]) }
    }
}
