import CShims

/// Divergence of a student from its teacher, and the student's cross-entropy, over rows of logits.
package enum KullbackLeibler {
    /// For each row of wide `student` and `teacher` logits [rows, V], with q_T and p_T their softmaxes at temperature T: the cross-entropy at T = 1
    /// against its label into `crossEntropy`, and T^2 KL(p_T || q_T) into `divergence`. A row with a negative label has a divergence only.
    ///
    /// With a `gradient` type the student's logits are overwritten by the gradient of the sum of `crossEntropyFactor` times the first and `divergenceFactor` times
    /// the second, as `CrossEntropy.rows` does it. The teacher's logits stay.
    @discardableResult
    package static func rows(
        student: Tensor, teacher: Tensor, labels: ArraySlice<Int32>, temperature: Double, crossEntropyFactor: Double, divergenceFactor: Double,
        crossEntropy: UnsafeMutableRawPointer, divergence: UnsafeMutableRawPointer, gradient: DType?
    ) -> GEMM.Operand? {
        let V = student.rowCount, rows = student.rows, type = student.dtype, gt = gradient ?? type
        let stride = V * type.size / gt.size
        precondition(
            student.shape == teacher.shape && teacher.dtype == type && labels.count == rows,
            "KullbackLeibler: student \(student.shape) \(type), teacher \(teacher.shape) \(teacher.dtype), \(labels.count) labels")
        let z = Address(student.base), y = Address(teacher.base), ce = Address(crossEntropy), kl = Address(divergence)
        let lse = Memory(byteCount: rows * 8), pl = Address(lse.base), want: Int32 = gradient == nil ? 0 : 1
        defer { withExtendedLifetime(lse) {} }
        labels.withUnsafeBufferPointer { labels in
            let pt = Address(UnsafeRawPointer(labels.baseAddress!))
            Parallel.forBlocks(of: rows, block: 8) { r in
                for t in r {
                    // One row a call: the factor of the cross-entropy is the row's own. Without a label any token serves where the factor is 0.
                    let isLabelled = pt.raw.i32[t] >= 0
                    var label = isLabelled ? pt.raw.i32[t] : 0
                    let a = isLabelled ? crossEntropyFactor : 0, x = z.raw + t * V * type.size, u = y.raw + t * V * type.size
                    let c = ce.raw + t * type.size, d = kl.raw + t * type.size, e = pl.raw + t * type.size
                    switch (type, gt) {
                    case (.f64, _):
                        heal_kl_rows_f64(1, V, x.f64, V, u.f64, V, &label, temperature, a, divergenceFactor, 1, c.f64, d.f64, e.f64, nil, V, want)
                        if !isLabelled { c.f64[0] = 0 }
                    case (_, .bf16):
                        heal_kl_rows_bf16(
                            1, V, x.f32, V, u.f32, V, &label, Float(temperature), Float(a), Float(divergenceFactor), 1, c.f32, d.f32, e.f32,
                            want == 1 ? x.bf16 : nil, stride, want)
                        if !isLabelled { c.f32[0] = 0 }
                    default:
                        heal_kl_rows_f32(
                            1, V, x.f32, V, u.f32, V, &label, Float(temperature), Float(a), Float(divergenceFactor), 1, c.f32, d.f32, e.f32, nil, V,
                            want)
                        if !isLabelled { c.f32[0] = 0 }
                    }
                }
            }
        }
        return gradient.map { _ in GEMM.Operand(student.base, stride: stride) }
    }
}
