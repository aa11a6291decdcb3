import COpenBLAS

/// Checked dense linear algebra on row-major matrices, through OpenBLAS and LAPACKE.
///
/// **Layout.** A row-major matrix is, byte for byte, the column-major transpose. Every wrapper here uses that: LAPACK
/// is called in its own column-major order on the transposed problem, so nothing is ever copied to transpose it.
///
/// **Threads.** Every routine runs on one BLAS thread, whatever the user asked for, because OpenBLAS splits sums
/// differently for different thread counts and results must not depend on them. Work on many matrices is spread
/// over threads by the caller; each call is safe to make from several threads at once.
///
/// **Errors.** Shapes are the program's own and are checked by preconditions. Values come from files: a NaN or an
/// infinity is an error before LAPACK sees it, since some of its iterations never end on one.
package enum LinearAlgebra {
    /// Sets OpenBLAS to one thread, once for the process.
    private static let singleThreaded: Void = openblas_set_num_threads(1)

    /// Makes sure that the library runs single-threaded; called by every wrapper.
    static func prepare() { _ = singleThreaded }

    /// The one gate for LAPACK's status: zero passes, negative is a defect, positive is what `failure` makes of it.
    static func check(
        _ info: Int32, routine: String, rows: Int, columns: Int, failure: (Int) -> LinearAlgebraError
    ) throws(LinearAlgebraError) {
        if info == 0 { return }
        if info < 0 {
            throw .illegalArgument(routine: routine, rows: rows, columns: columns, argument: Int(-info))
        }
        throw failure(Int(info))
    }

    /// Dimensions as LAPACK's integers, or an error.
    static func dimensions(_ rows: Int, _ columns: Int, routine: String) throws(LinearAlgebraError) -> (Int32, Int32) {
        precondition(rows >= 0 && columns >= 0, "\(routine): negative shape \(rows) x \(columns)")
        guard let m = Int32(exactly: rows), let n = Int32(exactly: columns) else {
            throw .tooLarge(routine: routine, rows: rows, columns: columns)
        }
        return (m, n)
    }

    /// The size a workspace query answered. Single precision cannot hold every integer above 2^24, so the answer is
    /// rounded up by one unit in the last place.
    static func workspaceSize<S: LinearAlgebraScalar>(
        _ answer: S, routine: String, rows: Int, columns: Int
    ) throws(LinearAlgebraError) -> Int32 {
        guard let size = Int32(exactly: Double(answer.nextUp).rounded(.up)) else {
            throw .tooLarge(routine: routine, rows: rows, columns: columns)
        }
        return max(size, 1)
    }

    /// Throws when an entry is NaN or infinite.
    package static func requireFinite<S: LinearAlgebraScalar>(
        _ values: [S], rows: Int, columns: Int, routine: String
    ) throws(LinearAlgebraError) {
        precondition(values.count == rows * columns, "\(routine): \(values.count) values for \(rows) x \(columns)")
        if let index = S.firstNotFinite(values) {
            throw .notFinite(
                routine: routine, rows: rows, columns: columns, row: index / columns, column: index % columns)
        }
    }

    /// An array of `count` elements that LAPACK is about to fill; zeros, so that an early error leaves defined memory.
    static func room<Element: Numeric>(_ count: Int) -> [Element] { [Element](repeating: 0, count: max(count, 1)) }
}
