/// The eigenvalues and eigenvectors of a symmetric matrix: A = sum of values[k] v_k v_k^T.
package struct SymmetricEigen<Scalar: LinearAlgebraScalar>: Sendable {
    package let order: Int
    /// Rising.
    package let values: [Scalar]
    /// Row-major [order, order]: row k is the unit eigenvector of `values[k]`.
    package let vectors: [Scalar]
}

extension LinearAlgebra {
    /// All eigenvalues and eigenvectors of a row-major symmetric matrix by divide and conquer; the lower triangle counts.
    package static func symmetricEigen<S: LinearAlgebraScalar>(
        _ a: consuming [S], order: Int
    ) throws(LinearAlgebraError) -> SymmetricEigen<S> {
        let routine = S.routinePrefix + "syevd"
        let (n, _) = try dimensions(order, order, routine: routine)
        try requireFinite(a, rows: order, columns: order, routine: routine)
        if order == 0 { return SymmetricEigen(order: 0, values: [], vectors: []) }
        prepare()
        func gate(_ info: Int32) throws(LinearAlgebraError) {
            try check(info, routine: routine, rows: order, columns: order) { info in
                .notConverged(routine: routine, rows: order, columns: order, info: info)
            }
        }
        var values: [S] = room(order)
        var work: [S] = room(1)
        var integers: [Int32] = room(1)
        try gate(S.lapackSYEVD(n, &a, &values, &work, -1, &integers, -1))
        let size = try workspaceSize(work[0], routine: routine, rows: order, columns: order)
        let integerCount = integers[0]
        work = room(Int(size))
        integers = room(Int(integerCount))
        try gate(S.lapackSYEVD(n, &a, &values, &work, size, &integers, integerCount))
        return SymmetricEigen(order: order, values: values, vectors: a)
    }
}
