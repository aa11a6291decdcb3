import CShims

/// Between moments in 8 bits and in 32: for a run that goes on with the other optimizer.
extension BlockwiseMoments {
    /// Codes both moments, each element to the nearest code of its block. A second moment above zero never becomes zero: the step divides by its root.
    ///
    /// - Parameters:
    ///   - m, v: f32, `count` elements each.
    package func code(m wideM: Tensor, v wideV: Tensor) {
        forBlocks { range, block in
            let m = range.map { wideM.base.f32[$0] }, v = range.map { wideV.base.f32[$0] }
            let mTop = m.reduce(0) { max($0, abs($1)) } / Self.mTop, vTop = v.reduce(0, max) / Self.vTop
            (mScale.base.f32[block], vScale.base.f32[block]) = (mTop, vTop)
            for (i, place) in range.enumerated() {
                let sign: UInt8 = m[i].sign == .minus ? 0x80 : 0
                self.m[place] = UInt8(Self.nearest(abs(m[i]), scale: mTop, bias: Self.mBias, last: 127)) | sign
                let code = Self.nearest(v[i], scale: vTop, bias: Self.vBias, last: 255)
                self.v[place] = UInt8(v[i] > 0 && vTop > 0 ? max(1, code) : code)
            }
        }
    }

    /// What the codes stand for, into f32 tensors of `count` elements.
    package func decode(m wideM: Tensor, v wideV: Tensor) {
        forBlocks { range, block in
            for i in range {
                let code = m[i], magnitude = mScale.base.f32[block] * Self.value(code & 0x7F, bias: Self.mBias)
                wideM.base.f32[i] = code & 0x80 == 0 ? magnitude : -magnitude
                wideV.base.f32[i] = vScale.base.f32[block] * Self.value(v[i], bias: Self.vBias)
            }
        }
    }

    private func forBlocks(_ body: (Range<Int>, Int) -> Void) {
        for block in 0..<mScale.count { body(block * Self.block..<min(count, (block + 1) * Self.block), block) }
    }

    // The numbers of adamw_narrow.h: four bits of the mantissa are kept, from the bias on.
    private static let shift: UInt32 = 19
    private static let mBias: Float = 0x1p-8, vBias: Float = 0x1p-16
    private static let mTop = 0.96875 - mBias, vTop = 0.96875 - vBias

    private static func value(_ code: UInt8, bias: Float) -> Float { Float(bitPattern: UInt32(code) << shift + bias.bitPattern) - bias }

    private static func nearest(_ x: Float, scale: Float, bias: Float, last: UInt32) -> UInt32 {
        // Smaller blocks count as zero, as in the update.
        guard scale > 0x1p-120 else { return 0 }
        return min(last, ((x / scale + bias).bitPattern - bias.bitPattern + 1 << (shift - 1)) >> shift)
    }
}
