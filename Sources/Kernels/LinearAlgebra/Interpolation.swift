/// All columns of a matrix said by a few of them: A [rows, columns] = A[:, pivots] T, where T holds the unit matrix at the pivots and `coefficients` elsewhere.
package struct ColumnInterpolation<Scalar: LinearAlgebraScalar>: Sendable {
    /// As many columns as there are rows, rising.
    package let pivots: [Int]
    /// Row-major [rows, columns - rows]: the other columns in their order, by the pivots.
    package let coefficients: [Scalar]
}

extension LinearAlgebra {
    /// The interpolation of a matrix with at least as many columns as rows, by Gaussian elimination with partial pivoting.
    ///
    /// Exact whatever the rank. Elimination chooses pivots greedily, so the coefficients are of the order of 1, without a bound that says so.
    package static func interpolation<S: LinearAlgebraScalar>(
        _ a: [S], rows: Int, columns: Int
    ) throws(LinearAlgebraError) -> ColumnInterpolation<S> {
        let routine = S.routinePrefix + "getrf"
        precondition(rows <= columns, "\(routine): the columns of \(rows) x \(columns) do not interpolate one another")
        let (r, c) = try dimensions(rows, columns, routine: routine)
        try requireFinite(a, rows: rows, columns: columns, routine: routine)
        if rows == 0 { return ColumnInterpolation(pivots: [], coefficients: []) }
        prepare()
        // Column-major A^T [columns, rows]: P A^T = [L1; L2] U, so the other columns are L2 L1^-1 times the pivots.
        var factor = a
        var swaps: [Int32] = room(rows)
        let info = S.lapackGETRF(c, r, &factor, &swaps)
        // A pivot of zero says that the rank is lower, which changes nothing here.
        try check(min(info, 0), routine: routine, rows: rows, columns: columns) { .notConverged(routine: routine, rows: rows, columns: columns, info: $0) }
        let others = columns - rows
        if others > 0 {
            factor.withUnsafeMutableBufferPointer { S.blasTRSMUnitRight(Int32(others), r, $0.baseAddress!, c, $0.baseAddress! + rows, c) }
        }
        var order = Array(0..<columns)
        for (place, other) in swaps.enumerated() { order.swapAt(place, Int(other) - 1) }
        let pivots = (0..<rows).sorted { order[$0] < order[$1] }, rest = (rows..<columns).sorted { order[$0] < order[$1] }
        let coefficients = [S](unsafeUninitializedCapacity: rows * others) { room, count in
            for (row, pivot) in pivots.enumerated() {
                for (column, place) in rest.enumerated() { room[row * others + column] = factor[pivot * columns + place] }
            }
            count = rows * others
        }
        return ColumnInterpolation(pivots: pivots.map { order[$0] }, coefficients: coefficients)
    }
}
