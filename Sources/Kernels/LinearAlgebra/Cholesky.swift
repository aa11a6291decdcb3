/// A = L L^T of a symmetric positive definite matrix, for many solutions with one factorisation.
package struct Cholesky<Scalar: LinearAlgebraScalar>: Sendable {
    package let order: Int
    /// Row-major [order, order]: L on and below the diagonal, zeros above.
    package let lower: [Scalar]
    /// The largest column sum of |A|, which the condition estimate needs.
    private let norm: Scalar

    /// Factorises a row-major symmetric matrix, given with both triangles.
    package init(_ a: [Scalar], order: Int) throws(LinearAlgebraError) {
        let routine = Scalar.routinePrefix + "potrf"
        let (n, _) = try LinearAlgebra.dimensions(order, order, routine: routine)
        try LinearAlgebra.requireFinite(a, rows: order, columns: order, routine: routine)
        self.order = order
        norm = Self.largestColumnSum(a, order: order)
        var factor = a
        if order > 0 {
            LinearAlgebra.prepare()
            let info = Scalar.lapackPOTRF(n, &factor)
            try LinearAlgebra.check(info, routine: routine, rows: order, columns: order) { minor in
                .notPositiveDefinite(routine: routine, order: order, leadingMinor: minor)
            }
            factor.withUnsafeMutableBufferPointer { values in
                for row in 0..<order {
                    (values.baseAddress! + row * order + row + 1).update(repeating: 0, count: order - row - 1)
                }
            }
        }
        lower = factor
    }

    /// An estimate of 1 / (||A|| ||A^-1||) in the 1-norm: below the precision, solutions are noise.
    package func reciprocalCondition() throws(LinearAlgebraError) -> Scalar {
        if order == 0 { return 1 }
        let routine = Scalar.routinePrefix + "pocon"
        var answer: Scalar = 0
        var work: [Scalar] = LinearAlgebra.room(3 * order)
        var integers: [Int32] = LinearAlgebra.room(order)
        LinearAlgebra.prepare()
        let info = Scalar.lapackPOCON(Int32(order), lower, norm, &answer, &work, &integers)
        try LinearAlgebra.check(info, routine: routine, rows: order, columns: order) { info in
            .notConverged(routine: routine, rows: order, columns: order, info: info)
        }
        return answer
    }

    /// X with A X = B for B row-major [order, count]: the unknowns run down the columns.
    package func solve(columns b: consuming [Scalar], count: Int) -> [Scalar] {
        precondition(b.count == order * count, "solve: \(b.count) values for [\(order), \(count)]")
        if b.isEmpty { return b }
        LinearAlgebra.prepare()
        for transposed in [false, true] {
            Scalar.blasTRSM(
                transposed: transposed, Int32(order), Int32(count), lower, Int32(order), &b, Int32(count))
        }
        return b
    }

    /// X with X A = B for B row-major [count, order]: each row is one system.
    package func solve(rows b: consuming [Scalar], count: Int) throws(LinearAlgebraError) -> [Scalar] {
        precondition(b.count == order * count, "solve: \(b.count) values for [\(count), \(order)]")
        if b.isEmpty { return b }
        let routine = Scalar.routinePrefix + "potrs"
        let (rows, columns) = try LinearAlgebra.dimensions(count, order, routine: routine)
        LinearAlgebra.prepare()
        let info = Scalar.lapackPOTRS(columns, rows, lower, &b)
        try LinearAlgebra.check(info, routine: routine, rows: count, columns: order) { info in
            .notConverged(routine: routine, rows: count, columns: order, info: info)
        }
        return b
    }

    /// X with L^T X = B for B row-major [order, count]: X^T L = B^T, which takes columns whitened by L back.
    package func solveTransposedFactor(columns b: consuming [Scalar], count: Int) -> [Scalar] {
        precondition(b.count == order * count, "solve: \(b.count) values for [\(order), \(count)]")
        if b.isEmpty { return b }
        LinearAlgebra.prepare()
        Scalar.blasTRSM(transposed: true, Int32(order), Int32(count), lower, Int32(order), &b, Int32(count))
        return b
    }

    /// The 1-norm; the columns of a symmetric matrix are its rows.
    private static func largestColumnSum(_ a: [Scalar], order: Int) -> Scalar {
        LinearAlgebra.prepare()
        return a.withUnsafeBufferPointer { a in
            (0..<order).map { Scalar.absoluteSum(a.baseAddress! + $0 * order, count: Int32(order)) }.max() ?? 0
        }
    }
}
