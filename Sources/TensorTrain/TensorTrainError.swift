import Kernels

/// What can go wrong in building or decomposing a Matrix Product Operator.
package enum TensorTrainError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Factors that are missing, not positive, of different count, or whose product is not the matrix's.
    case badFactors(String)
    /// Bonds that are missing, not positive, too large, or outer ones that are not 1.
    case badBonds(String)
    /// A budget that no bond dimension satisfies.
    case budgetTooSmall(keep: Double, smallest: Double)
    /// The number of values does not fit the shape.
    case wrongCount(what: String, expected: Int, found: Int)
    /// Two operands whose factors differ.
    case mismatch(operation: String, left: String, right: String)
    /// A bond, cut or tolerance outside its range.
    case outOfRange(String)
    case linearAlgebra(LinearAlgebraError)

    package var description: String {
        switch self {
        case .badFactors(let reason), .badBonds(let reason), .outOfRange(let reason): reason
        case .budgetTooSmall(let keep, let smallest):
            "keep \(keep) is below what bond dimension 1 needs (\(smallest)); keep more, or use more cores"
        case .wrongCount(let what, let expected, let found): "\(what): expected \(expected) values, found \(found)"
        case .mismatch(let operation, let left, let right): "\(operation): \(left) and \(right) have different factors"
        case .linearAlgebra(let error): error.description
        }
    }
}

/// Runs LAPACK work with this module's error type.
func wrapping<Value>(
    _ body: () throws(LinearAlgebraError) -> Value
) throws(TensorTrainError) -> Value {
    do { return try body() } catch { throw .linearAlgebra(error) }
}
