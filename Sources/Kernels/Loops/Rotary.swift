import CShims

/// Cosines and sines of the rotary embedding, [positions, headDim / 2].
package struct RotaryTable: Sendable {
    package let cosines: Tensor
    package let sines: Tensor

    package init(cosines: Tensor, sines: Tensor) {
        self.cosines = cosines
        self.sines = sines
    }
}

/// Rotary position embedding (arXiv 2104.09864), pairs (j, j + headDim/2) as in Hugging Face checkpoints.
package enum Rotary {
    /// x [rows, heads * headDim] turned by each row's position; back again when `inverse`, which is the pullback.
    package static func rotate(_ x: Tensor, heads: Int, positions: [Int32], table: RotaryTable, inverse: Bool) -> Tensor {
        let d = x.rowCount, hd = d / heads, rows = x.rows, type = x.dtype
        precondition(positions.count == rows, "rotary: \(positions.count) positions for \(rows) rows")
        let out = Tensor(x.shape, type)
        let from = Address(x.base), to = Address(out.base), c = Address(table.cosines.base), s = Address(table.sines.base)
        positions.withUnsafeBufferPointer { positions in
            let p = Address(UnsafeRawPointer(positions.baseAddress ?? UnsafePointer(out.base.i32)))
            Parallel.forBlocks(of: rows, block: 64) { r in
                let o = r.lowerBound * d * type.size, q = to.raw + o
                q.copyMemory(from: from.raw + o, byteCount: r.count * d * type.size)
                let rowPositions = p.raw.i32 + r.lowerBound
                switch type {
                case .f32: heal_rope_f32(r.count, heads, hd, q.f32, d, rowPositions, c.raw.f32, s.raw.f32, inverse ? 1 : 0)
                case .f64: heal_rope_f64(r.count, heads, hd, q.f64, d, rowPositions, c.raw.f64, s.raw.f64, inverse ? 1 : 0)
                case .bf16: heal_rope_bf16(r.count, heads, hd, q.bf16, d, rowPositions, c.raw.f32, s.raw.f32, inverse ? 1 : 0)
                }
            }
        }
        return out
    }
}
