import CShims

/// Softmax cross-entropy over rows of logits.
package enum CrossEntropy {
    /// Losses [rows] of wide `logits` [rows, V] against `labels`; when `gradient` is given it receives softmax - onehot.
    /// With `gradient` nil and `wantsGradient`, the logits themselves are overwritten by it.
    package static func rows(
        _ logits: Tensor, labels: ArraySlice<Int32>, loss: UnsafeMutableRawPointer, gradient: Tensor?, wantsGradient: Bool
    ) {
        let V = logits.rowCount, rows = logits.rows, type = logits.dtype
        precondition(labels.count == rows, "cross-entropy: \(labels.count) labels for \(rows) rows")
        let p = Address(logits.base), g = gradient.map { Address($0.base) }, out = Address(loss), gt = gradient?.dtype ?? type
        let lse = Memory(byteCount: rows * 8), pl = Address(lse.base), want: Int32 = wantsGradient ? 1 : 0
        labels.withUnsafeBufferPointer { labels in
            let py = Address(UnsafeRawPointer(labels.baseAddress!))
            Parallel.forBlocks(of: rows, block: 8) { r in
                let n = r.count, x = p.raw + r.lowerBound * V * type.size, y = py.raw.i32 + r.lowerBound
                let l = out.raw + r.lowerBound * type.size, e = pl.raw + r.lowerBound * type.size
                let d = g.map { $0.raw + r.lowerBound * V * gt.size }
                switch (type, gt) {
                case (.f64, _): heal_cross_entropy_rows_f64(n, V, x.f64, V, y, 1, l.f64, e.f64, d?.f64, V, want)
                case (_, .bf16): heal_cross_entropy_rows_bf16(n, V, x.f32, V, y, 1, l.f32, e.f32, d?.bf16, V, want)
                default: heal_cross_entropy_rows_f32(n, V, x.f32, V, y, 1, l.f32, e.f32, d?.f32, V, want)
                }
            }
        }
    }
}
