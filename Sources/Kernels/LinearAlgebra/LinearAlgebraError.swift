/// What can go wrong in a matrix factorisation, with the routine and the shape it was called on.
package enum LinearAlgebraError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The matrix holds a NaN or an infinity; `row` and `column` name the first one.
    case notFinite(routine: String, rows: Int, columns: Int, row: Int, column: Int)
    /// The iteration inside the routine stopped without converging.
    case notConverged(routine: String, rows: Int, columns: Int, info: Int)
    /// A Cholesky factorisation met a leading minor that is not positive.
    case notPositiveDefinite(routine: String, order: Int, leadingMinor: Int)
    /// The routine refused an argument: a defect of the caller in this program.
    case illegalArgument(routine: String, rows: Int, columns: Int, argument: Int)
    /// A dimension or workspace exceeds the library's 32-bit integers.
    case tooLarge(routine: String, rows: Int, columns: Int)

    package var description: String {
        switch self {
        case .notFinite(let routine, let rows, let columns, let row, let column):
            "\(routine) on \(rows) x \(columns): the entry at row \(row), column \(column) is not a finite number; check the weights it comes from"
        case .notConverged(let routine, let rows, let columns, let info):
            "\(routine) on \(rows) x \(columns) did not converge (info \(info)); scale the matrix or use double precision"
        case .notPositiveDefinite(let routine, let order, let leadingMinor):
            "\(routine) on \(order) x \(order): the leading minor of order \(leadingMinor) is not positive; add damping to the diagonal"
        case .illegalArgument(let routine, let rows, let columns, let argument):
            "\(routine) on \(rows) x \(columns): argument \(argument) is not allowed"
        case .tooLarge(let routine, let rows, let columns):
            "\(routine) on \(rows) x \(columns): too large for the library's 32-bit integers"
        }
    }
}
