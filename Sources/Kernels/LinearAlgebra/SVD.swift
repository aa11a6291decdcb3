/// A = U diag(s) V^T, thin: with q = min(rows, columns), U is [rows, q], V^T is [q, columns], s falls.
package struct SVD<Scalar: LinearAlgebraScalar>: Sendable {
    package let rows: Int
    package let columns: Int
    /// Row-major [rows, q], columns orthonormal.
    package let u: [Scalar]
    /// q singular values, largest first.
    package let singularValues: [Scalar]
    /// Row-major [q, columns], rows orthonormal.
    package let vTransposed: [Scalar]
}

/// Which LAPACK routine computes a singular value decomposition.
package enum SVDDriver: String, Sendable, CaseIterable {
    /// Divide and conquer: fast, and on rare matrices it does not converge.
    case gesdd
    /// QR iteration: several times slower, and more robust.
    case gesvd
}

extension LinearAlgebra {
    /// The thin singular value decomposition of a row-major matrix, by divide and conquer; where that does not
    /// converge, by QR iteration.
    package static func svd<S: LinearAlgebraScalar>(
        _ a: [S], rows: Int, columns: Int
    ) throws(LinearAlgebraError) -> SVD<S> {
        do {
            return try svd(a, rows: rows, columns: columns, driver: .gesdd)
        } catch .notConverged {
            return try svd(a, rows: rows, columns: columns, driver: .gesvd)
        }
    }

    /// The thin singular value decomposition by one named routine.
    package static func svd<S: LinearAlgebraScalar>(
        _ a: [S], rows: Int, columns: Int, driver: SVDDriver
    ) throws(LinearAlgebraError) -> SVD<S> {
        let routine = S.routinePrefix + driver.rawValue
        let (m, n) = try dimensions(rows, columns, routine: routine)
        try requireFinite(a, rows: rows, columns: columns, routine: routine)
        let rank = min(rows, columns)
        if rank == 0 { return SVD(rows: rows, columns: columns, u: [], singularValues: [], vTransposed: []) }
        prepare()
        // LAPACK sees A^T = V S U^T: its left vectors are our V^T and its right ones our U, both already row-major.
        var work: [S] = room(1)
        var integers: [Int32] = room(8 * rank)
        var copy = a
        var s: [S] = room(rank)
        var u: [S] = room(rows * rank)
        var v: [S] = room(rank * columns)
        func call(_ workCount: Int32) -> Int32 {
            switch driver {
            case .gesdd: S.lapackGESDD(n, m, &copy, &s, &v, &u, &work, workCount, &integers)
            case .gesvd: S.lapackGESVD(n, m, &copy, &s, &v, &u, &work, workCount)
            }
        }
        func gate(_ info: Int32) throws(LinearAlgebraError) {
            try check(info, routine: routine, rows: rows, columns: columns) { info in
                .notConverged(routine: routine, rows: rows, columns: columns, info: info)
            }
        }
        try gate(call(-1))
        let size = try workspaceSize(work[0], routine: routine, rows: rows, columns: columns)
        work = room(Int(size))
        try gate(call(size))
        return SVD(rows: rows, columns: columns, u: u, singularValues: s, vTransposed: v)
    }
}
