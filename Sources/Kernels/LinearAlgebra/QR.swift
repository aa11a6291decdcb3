/// A product of two row-major factors over an inner dimension q = min(rows, columns): A [rows, columns] =
/// left [rows, q] right [q, columns].
package struct FactorPair<Scalar: LinearAlgebraScalar>: Sendable {
    package let left: [Scalar]
    package let right: [Scalar]
    package let rank: Int
}

extension LinearAlgebra {
    /// A = Q R: `left` is Q with orthonormal columns, `right` is R, upper triangular (trapezoidal for a wide A).
    package static func qr<S: LinearAlgebraScalar>(
        _ a: [S], rows: Int, columns: Int
    ) throws(LinearAlgebraError) -> FactorPair<S> {
        // Column-major A^T = R^T Q^T is an LQ factorisation.
        try orthogonal(a, rows: rows, columns: columns, factor: "gelqf", form: "orglq", orthogonalLeft: true)
    }

    /// A = L Q: `left` is L, lower triangular (trapezoidal for a tall A), `right` is Q with orthonormal rows.
    package static func lq<S: LinearAlgebraScalar>(
        _ a: [S], rows: Int, columns: Int
    ) throws(LinearAlgebraError) -> FactorPair<S> {
        // Column-major A^T = Q^T L^T is a QR factorisation.
        try orthogonal(a, rows: rows, columns: columns, factor: "geqrf", form: "orgqr", orthogonalLeft: false)
    }

    private static func orthogonal<S: LinearAlgebraScalar>(
        _ a: [S], rows: Int, columns: Int, factor: String, form: String, orthogonalLeft: Bool
    ) throws(LinearAlgebraError) -> FactorPair<S> {
        let factor = S.routinePrefix + factor
        let form = S.routinePrefix + form
        let (m, n) = try dimensions(rows, columns, routine: factor)
        try requireFinite(a, rows: rows, columns: columns, routine: factor)
        let rank = min(rows, columns)
        if rank == 0 { return FactorPair(left: [], right: [], rank: 0) }
        prepare()
        var reflectors = a
        var tau: [S] = room(rank)
        var work: [S] = room(1)
        func run(_ routine: String, _ call: (Int32) -> Int32) throws(LinearAlgebraError) {
            func gate(_ info: Int32) throws(LinearAlgebraError) {
                try check(info, routine: routine, rows: rows, columns: columns) { info in
                    .notConverged(routine: routine, rows: rows, columns: columns, info: info)
                }
            }
            work = room(1)
            try gate(call(-1))
            let size = try workspaceSize(work[0], routine: routine, rows: rows, columns: columns)
            work = room(Int(size))
            try gate(call(size))
        }
        let q = Int32(rank)
        if orthogonalLeft {
            try run(factor) { S.lapackGELQF(n, m, &reflectors, &tau, &work, $0) }
            // R sits in the upper triangle of the first q rows' worth of each stored row.
            let upper = triangle(reflectors, rows: rank, columns: columns, stride: columns, upper: true)
            // The reflectors of the first q stored columns make Q; they must be packed to [rows, q] first.
            var packed = leadingColumns(reflectors, rows: rows, columns: columns, keep: rank)
            try run(form) { S.lapackORGLQ(q, m, q, &packed, q, tau, &work, $0) }
            return FactorPair(left: packed, right: upper, rank: rank)
        }
        try run(factor) { S.lapackGEQRF(n, m, &reflectors, &tau, &work, $0) }
        let lower = triangle(reflectors, rows: rows, columns: rank, stride: columns, upper: false)
        var orthonormal = Array(reflectors.prefix(rank * columns))
        try run(form) { S.lapackORGQR(n, q, q, &orthonormal, tau, &work, $0) }
        return FactorPair(left: lower, right: orthonormal, rank: rank)
    }

    /// One triangle of a stored matrix, the rest zero.
    private static func triangle<S: LinearAlgebraScalar>(
        _ values: [S], rows: Int, columns: Int, stride: Int, upper: Bool
    ) -> [S] {
        [S](unsafeUninitializedCapacity: rows * columns) { room, count in
            values.withUnsafeBufferPointer { values in
                for row in 0..<rows {
                    let kept = upper ? min(row, columns)..<columns : 0..<min(row + 1, columns)
                    let target = room.baseAddress! + row * columns
                    target.update(repeating: 0, count: columns)
                    (target + kept.lowerBound).update(
                        from: values.baseAddress! + row * stride + kept.lowerBound, count: kept.count)
                }
            }
            count = rows * columns
        }
    }

    /// The first `keep` columns of a row-major matrix, packed.
    package static func leadingColumns<S: LinearAlgebraScalar>(
        _ values: [S], rows: Int, columns: Int, keep: Int
    ) -> [S] {
        precondition(keep <= columns && values.count >= rows * columns, "\(keep) columns of \(rows) x \(columns)")
        if keep == columns { return values }
        return [S](unsafeUninitializedCapacity: rows * keep) { room, count in
            values.withUnsafeBufferPointer { values in
                for row in 0..<(keep == 0 ? 0 : rows) {
                    (room.baseAddress! + row * keep).update(from: values.baseAddress! + row * columns, count: keep)
                }
            }
            count = rows * keep
        }
    }
}
