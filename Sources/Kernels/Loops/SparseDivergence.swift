import CShims

/// What a teacher says of the next token, in short: for each row the probabilities of a few tokens, and of all the others together.
package struct SparseDistributions: Sendable, Equatable {
    /// Entries of row t are `starts[t] ..< starts[t + 1]`.
    package var starts: [Int] = [0]
    /// Distinct within a row.
    package var ids: [Int32] = []
    package var probabilities: [Double] = []
    /// The mass of the tokens that a row does not name.
    package var rest: [Double] = []
    /// Added to a row's divergence, before the factor T^2. A constant: nothing flows back from it.
    package var correction: [Double] = []

    package init() {}

    package var rows: Int { rest.count }

    /// Adds one row; `entries` are its tokens and their probabilities.
    package mutating func append(_ entries: some Sequence<(id: Int32, probability: Double)>, rest: Double, correction: Double = 0) {
        for (id, probability) in entries {
            ids.append(id)
            probabilities.append(probability)
        }
        starts.append(ids.count)
        self.rest.append(rest)
        self.correction.append(correction)
    }
}

extension KullbackLeibler {
    /// The same as `rows` for a teacher of whom rows `range` of `teacher` are known; T^2 times each row's correction is in its divergence.
    ///
    /// Tokens that a row does not name count as one: the teacher's `rest` is compared with the student's mass on all of them.
    @discardableResult
    package static func sparseRows(
        student: Tensor, teacher: SparseDistributions, range: Range<Int>, labels: ArraySlice<Int32>, temperature: Double, crossEntropyFactor: Double,
        divergenceFactor: Double, crossEntropy: UnsafeMutableRawPointer, divergence: UnsafeMutableRawPointer, gradient: DType?
    ) -> GEMM.Operand? {
        let V = student.rowCount, type = student.dtype, gt = gradient ?? type
        let stride = V * type.size / gt.size
        precondition(
            student.rows == range.count && labels.count == range.count && range.upperBound <= teacher.rows,
            "KullbackLeibler: student \(student.shape), rows \(range) of \(teacher.rows), \(labels.count) labels")
        let z = Address(student.base), ce = Address(crossEntropy), kl = Address(divergence), want: Int32 = gradient == nil ? 0 : 1
        let most = range.reduce(1) { max($0, teacher.starts[$1 + 1] - teacher.starts[$1]) }
        Parallel.forBlocks(of: range.count, block: 8) { r in
            // The probabilities in the type of the logits, and as much again for the loop.
            withUnsafeTemporaryAllocation(byteCount: 2 * most * type.size, alignment: 64) { scratch in
                let p = scratch.baseAddress!, spare = p + most * type.size
                for t in r {
                    let entries = teacher.starts[range.lowerBound + t]..<teacher.starts[range.lowerBound + t + 1], n = entries.count
                    let label = Int(labels[labels.startIndex + t]), rest = teacher.rest[range.lowerBound + t]
                    let correction = temperature * temperature * teacher.correction[range.lowerBound + t]
                    let x = z.raw + t * V * type.size, c = ce.raw + t * type.size, d = kl.raw + t * type.size
                    teacher.ids.withUnsafeBufferPointer { ids in
                        let ids = ids.baseAddress.map { $0 + entries.lowerBound } ?? UnsafePointer(p.i32)
                        switch type {
                        case .f64:
                            for (i, e) in entries.enumerated() { p.f64[i] = teacher.probabilities[e] }
                            heal_sparse_kl_row_f64(
                                V, x.f64, label, n, ids, p.f64, rest, temperature, crossEntropyFactor, divergenceFactor, c.f64, d.f64, nil, want, spare.f64)
                            d.f64[0] += correction
                        default:
                            for (i, e) in entries.enumerated() { p.f32[i] = Float(teacher.probabilities[e]) }
                            let (T, a, b) = (Float(temperature), Float(crossEntropyFactor), Float(divergenceFactor))
                            if gt == .bf16 {
                                heal_sparse_kl_row_bf16(
                                    V, x.f32, label, n, ids, p.f32, Float(rest), T, a, b, c.f32, d.f32, want == 1 ? x.bf16 : nil, want, spare.f32)
                            } else {
                                heal_sparse_kl_row_f32(V, x.f32, label, n, ids, p.f32, Float(rest), T, a, b, c.f32, d.f32, nil, want, spare.f32)
                            }
                            d.f32[0] += Float(correction)
                        }
                    }
                }
            }
        }
        return gradient.map { _ in GEMM.Operand(student.base, stride: stride) }
    }
}
