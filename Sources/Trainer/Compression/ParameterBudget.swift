import TensorTrain

/// A total of parameters spread over matrices so that the loss is predicted to rise least.
package struct ParameterBudget {
    /// By the matrix's name.
    let parameters: [String: Int]

    /// No matrix gets less than this share of what it would get if all were treated alike: predictions for a matrix that is nearly gone mean little.
    package static let leastShare = 0.25

    /// - Parameters:
    ///   - entries: their present sizes together are the total.
    ///   - curves: of each.
    init(_ entries: [CompressionPlan.Entry], curves: [ErrorCurve]) throws {
        let matrices = zip(entries, curves).map { entry, curve in
            let least = min(entry.denseCount, max(curve.points[0].parameters, Int(Self.leastShare * Double(entry.parameterCount))))
            return BudgetAllocator.Matrix(name: entry.name, curve: curve, allowed: least...entry.denseCount)
        }
        let allocation = try BudgetAllocator.allocate(matrices, budget: entries.reduce(0) { $0 + $1.parameterCount })
        parameters = Dictionary(uniqueKeysWithValues: zip(entries, allocation.points).map { ($0.name, $1.parameters) })
    }

    /// What a matrix costs the loss at each rank, and at its own size, where it costs nothing. Other legs lose about as much with as many parameters.
    ///
    /// - Parameter rise: the rise of the loss with an error of that size.
    static func curve(_ entry: CompressionPlan.Entry, _ problem: FitProblem<Float>, rise: (Double) -> Double) throws -> ErrorCurve {
        let ranks = try ErrorCurve(squaredSingularValues: try problem.squaredSingularValues(), perBond: entry.out + entry.in, scale: 1)
        let points = ranks.points.filter { $0.parameters < entry.denseCount }.map { ErrorCurve.Point(parameters: $0.parameters, loss: rise($0.loss)) }
        return try ErrorCurve(points + [.init(parameters: entry.denseCount, loss: 0)])
    }
}
