import Kernels

extension Cholesky where Scalar == Double {
    /// The factor of a second moment, or of what is made from one, that is positive semidefinite but for rounding: of the matrix itself where that has one, else with the
    /// least ridge that it takes, from 1e-6 of the mean of the diagonal on.
    ///
    /// Inputs that do not span their space, or one that dwarfs the others, make such matrices.
    init(moment: [Double], order: Int) throws(LinearAlgebraError) {
        do {
            self = try Cholesky(moment, order: order)
            return
        } catch .notPositiveDefinite {}
        let mean = (0..<order).reduce(0) { $0 + moment[$1 * (order + 1)] } / Double(max(order, 1))
        for share in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1] where mean > 0 {
            do {
                self = try Cholesky(Self.adding(share * mean, to: moment, order: order), order: order)
                return
            } catch .notPositiveDefinite {}
        }
        // With more than the largest sum of a row on its diagonal every symmetric matrix is positive definite (Gershgorin).
        let largest = (0..<order).map { row in moment[row * order..<(row + 1) * order].reduce(0) { $0 + abs($1) } }.max() ?? 0
        self = try Cholesky(Self.adding(largest > 0 ? 2 * largest : 1, to: moment, order: order), order: order)
    }

    private static func adding(_ ridge: Double, to matrix: [Double], order: Int) -> [Double] {
        var damped = matrix
        for index in 0..<order { damped[index * (order + 1)] += ridge }
        return damped
    }
}
