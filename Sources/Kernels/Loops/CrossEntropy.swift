import CShims

/// Softmax cross-entropy over rows of logits.
package enum CrossEntropy {
    /// Losses [rows] of wide `logits` [rows, V] against `labels`.
    ///
    /// With a `gradient` type the logits' memory is overwritten by softmax - onehot in that type, and the matrix that lies there is returned: each row
    /// starts where the logits' row did, so a narrower type leaves the second half of a row unused.
    @discardableResult
    package static func rows(
        _ logits: Tensor, labels: ArraySlice<Int32>, loss: UnsafeMutableRawPointer, gradient: DType?
    ) -> GEMM.Operand? {
        let V = logits.rowCount, rows = logits.rows, type = logits.dtype, gt = gradient ?? type
        let stride = V * type.size / gt.size
        precondition(labels.count == rows, "cross-entropy: \(labels.count) labels for \(rows) rows")
        let p = Address(logits.base), out = Address(loss)
        let lse = Memory(byteCount: rows * 8), pl = Address(lse.base), want: Int32 = gradient == nil ? 0 : 1
        labels.withUnsafeBufferPointer { labels in
            let py = Address(UnsafeRawPointer(labels.baseAddress!))
            Parallel.forBlocks(of: rows, block: 8) { r in
                let n = r.count, x = p.raw + r.lowerBound * V * type.size, y = py.raw.i32 + r.lowerBound
                let l = out.raw + r.lowerBound * type.size, e = pl.raw + r.lowerBound * type.size
                switch (type, gt) {
                case (.f64, _): heal_cross_entropy_rows_f64(n, V, x.f64, V, y, 1, l.f64, e.f64, nil, V, want)
                case (_, .bf16): heal_cross_entropy_rows_bf16(n, V, x.f32, V, y, 1, l.f32, e.f32, want == 1 ? x.bf16 : nil, stride, want)
                default: heal_cross_entropy_rows_f32(n, V, x.f32, V, y, 1, l.f32, e.f32, nil, V, want)
                }
            }
        }
        return gradient.map { _ in GEMM.Operand(logits.base, stride: stride) }
    }
}
