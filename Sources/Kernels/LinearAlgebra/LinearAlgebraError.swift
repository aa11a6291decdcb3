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

    /// In words of the matrix: which routine it was is for those who look into the program.
    package var description: String {
        switch self {
        case .notFinite(_, let rows, let columns, let row, let column):
            "a \(rows) x \(columns) matrix holds a number that is not finite, at row \(row), column \(column); check the weights it comes from"
        case .notConverged(_, let rows, let columns, _):
            "the decomposition of a \(rows) x \(columns) matrix does not converge; its numbers may be of too different sizes"
        case .notPositiveDefinite(_, let order, _):
            "a moment of width \(order) is not positive definite, so that nothing can be fitted to it"
        case .illegalArgument(let routine, let rows, let columns, let argument):
            "\(routine) on \(rows) x \(columns): argument \(argument) is not allowed"
        case .tooLarge(_, let rows, let columns):
            "a \(rows) x \(columns) matrix is too large to decompose: the libraries count in 32 bits"
        }
    }
}
