import Kernels

/// What an error d of a layer's output costs: the sum over rows j of g_j d_j^2.
///
/// With g_j = E[(dL/dy_j)^2], L the loss and y the output at one token, and C the second moment of the inputs, half of tr(diag(g) (W - W') C (W - W')^T) estimates
/// what the loss rises by for each token: the second order term with the Fisher matrix as a Kronecker product (K-FAC, Martens and Grosse 2015, arXiv 1503.05671)
/// whose output side is taken as diagonal.
///
/// It is the plain output error of diag(sqrt g) W and diag(sqrt g) W': a fit takes the one for W, and what it finds is divided again, core by core. That is exact where
/// one core holds all rows; where they are split, g_j is replaced by a product of one number for each leg.
package struct OutputMetric: Sendable {
    /// The square root of each leg's part of g.
    private let scales: [[Double]]

    /// - Parameters:
    ///   - squares: g, one number for each row.
    ///   - outFactors: how the rows are split over the cores.
    ///   - damping: added to g, relative to its mean: no row is free.
    package init(squares: [Double], outFactors: [Int], damping: Double) {
        precondition(squares.count == outFactors.reduce(1, *), "\(squares.count) squares for rows \(outFactors)")
        let total = squares.reduce(0, +)
        // Where nothing reaches the loss, all rows count alike.
        let damped = total > 0 ? squares.map { $0 + damping * total / Double(squares.count) } : squares.map { _ in 1 }
        let whole = damped.reduce(0, +)
        var scales: [[Double]] = [], after = squares.count
        for (index, own) in outFactors.enumerated() {
            after /= own
            var sums = [Double](repeating: 0, count: own)
            for (row, square) in damped.enumerated() { sums[row / after % own] += square }
            // The first leg carries the sum of g, the others have sum 1.
            scales.append(sums.map { ($0 / (index == 0 ? 1 : whole)).squareRoot() })
        }
        self.scales = scales
    }

    /// sqrt g.
    package var rows: [Double] { scales.reduce([1.0]) { found, leg in found.flatMap { value in leg.map { value * $0 } } } }

    /// diag(sqrt g) W for W row-major [o, i].
    package func weighted(_ weight: [Float]) -> [Float] {
        let rows = rows, columns = weight.count / rows.count
        var result = weight
        for (row, scale) in rows.enumerated() {
            for place in row * columns..<(row + 1) * columns { result[place] *= Float(scale) }
        }
        return result
    }

    /// W' from diag(sqrt g) W'.
    package func unweighted(_ mpo: MPO<Float>) -> MPO<Float> {
        let layout = mpo.layout
        let values = mpo.values.enumerated().map { index, values in
            let shape = layout.coreShape(index), right = shape[2] * shape[3]
            var result = values
            for place in result.indices { result[place] /= Float(scales[index][place / right % shape[1]]) }
            return result
        }
        return MPO(trusted: layout, values)
    }
}
