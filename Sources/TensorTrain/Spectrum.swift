import Kernels

extension MPO {
    /// The singular values of a dense matrix, row-major [o, i], at one bond of a layout, largest first.
    ///
    /// The root of the sum of squares from index r on is what cutting that bond to r alone would lose.
    ///
    /// - Parameter bond: from 1 to N - 1; the layout's own bonds do not matter.
    package static func singularValues(
        of matrix: [Scalar], layout: MPOLayout, bond: Int
    ) throws(TensorTrainError) -> [Scalar] {
        guard matrix.count == layout.denseCount else {
            throw .wrongCount(
                what: "matrix of \(layout.rows) x \(layout.columns)", expected: layout.denseCount, found: matrix.count)
        }
        guard bond >= 1, bond < layout.cores else {
            throw .outOfRange("bond \(bond) of \(layout.cores) cores: inner bonds are 1 to \(layout.cores - 1)")
        }
        let rows = layout.products[..<bond].reduce(1, *)
        return try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.svd(
                layout.matrixToCores(matrix), rows: rows, columns: layout.denseCount / rows
            ).singularValues
        }
    }
}
