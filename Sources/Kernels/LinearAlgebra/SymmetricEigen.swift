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
        let values = try eigenvalues(&a, order: order, vectors: true)
        return SymmetricEigen(order: order, values: values, vectors: a)
    }

    /// All eigenvalues of a row-major symmetric matrix, rising; the lower triangle counts.
    package static func symmetricEigenvalues<S: LinearAlgebraScalar>(_ a: consuming [S], order: Int) throws(LinearAlgebraError) -> [S] {
        try eigenvalues(&a, order: order, vectors: false)
    }

    /// - Parameter a: replaced by the eigenvectors as rows, or by nothing of use.
    private static func eigenvalues<S: LinearAlgebraScalar>(_ a: inout [S], order: Int, vectors: Bool) throws(LinearAlgebraError) -> [S] {
        let routine = S.routinePrefix + "syevd"
        let (n, _) = try dimensions(order, order, routine: routine)
        try requireFinite(a, rows: order, columns: order, routine: routine)
        if order == 0 { return [] }
        prepare()
        func gate(_ info: Int32) throws(LinearAlgebraError) {
            try check(info, routine: routine, rows: order, columns: order) { info in
                .notConverged(routine: routine, rows: order, columns: order, info: info)
            }
        }
        var values: [S] = room(order)
        var work: [S] = room(1)
        var integers: [Int32] = room(1)
        try gate(S.lapackSYEVD(vectors: vectors, n, &a, &values, &work, -1, &integers, -1))
        let size = try workspaceSize(work[0], routine: routine, rows: order, columns: order)
        let integerCount = integers[0]
        work = room(Int(size))
        integers = room(Int(integerCount))
        try gate(S.lapackSYEVD(vectors: vectors, n, &a, &values, &work, size, &integers, integerCount))
        return values
    }

    /// The `largest` greatest eigenvalues and their eigenvectors by relatively robust representations; where those fail, by divide and conquer.
    ///
    /// - Returns: that many values, rising, and rows of [largest, order].
    package static func symmetricEigen<S: LinearAlgebraScalar>(
        _ a: [S], order: Int, largest: Int
    ) throws(LinearAlgebraError) -> SymmetricEigen<S> {
        precondition(largest >= 0 && largest <= order, "\(largest) eigenvectors of order \(order)")
        let routine = S.routinePrefix + "syevr"
        let (n, _) = try dimensions(order, order, routine: routine)
        try requireFinite(a, rows: order, columns: order, routine: routine)
        if largest == 0 { return SymmetricEigen(order: order, values: [], vectors: []) }
        prepare()
        var copy = a
        var found: Int32 = 0
        var values: [S] = room(order)
        var vectors: [S] = room(largest * order)
        var support: [Int32] = room(2 * order)
        var work: [S] = room(1)
        var integers: [Int32] = room(1)
        func call(_ workCount: Int32, _ integerCount: Int32) -> Int32 {
            S.lapackSYEVR(
                n, &copy, first: n - Int32(largest) + 1, last: n, &found, &values, &vectors, &support, &work, workCount, &integers, integerCount)
        }
        try check(call(-1, -1), routine: routine, rows: order, columns: order) { info in
            .notConverged(routine: routine, rows: order, columns: order, info: info)
        }
        let size = try workspaceSize(work[0], routine: routine, rows: order, columns: order), integerCount = integers[0]
        work = room(Int(size))
        integers = room(Int(integerCount))
        let info = call(size, integerCount)
        if info > 0 || (info == 0 && Int(found) != largest) {
            let all = try symmetricEigen(a, order: order)
            return SymmetricEigen(order: order, values: Array(all.values.suffix(largest)), vectors: Array(all.vectors.suffix(largest * order)))
        }
        try check(info, routine: routine, rows: order, columns: order) { info in
            .notConverged(routine: routine, rows: order, columns: order, info: info)
        }
        return SymmetricEigen(order: order, values: Array(values.prefix(largest)), vectors: vectors)
    }
}
