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
        let matrices = try zip(entries, curves).map { entry, curve in
            BudgetAllocator.Matrix(name: entry.name, curve: curve, allowed: try Self.least(entry)...entry.denseCount)
        }
        let allocation = try BudgetAllocator.allocate(matrices, budget: entries.reduce(0) { $0 + $1.parameterCount })
        parameters = Dictionary(uniqueKeysWithValues: zip(entries, allocation.points).map { ($0.name, $1.parameters) })
    }

    /// The least size of a matrix: its share, or what bonds of 1 take with its legs.
    private static func least(_ entry: CompressionPlan.Entry) throws -> Int {
        let share = Int(leastShare * Double(entry.parameterCount))
        guard let layout = entry.layout else { return share }
        return max(share, try MPOLayout(outFactors: layout.outFactors, inFactors: layout.inFactors, limit: .bondDimension(1)).parameterCount)
    }

    /// What a matrix costs the loss at each rank, and at its own size, where it costs nothing. Other legs lose about as much with as many parameters.
    ///
    /// - Parameter rise: the rise of the loss with an error of that size.
    static func curve(_ entry: CompressionPlan.Entry, _ problem: FitProblem<Float>, rise: (Double) -> Double) throws -> ErrorCurve {
        let squares = try problem.squaredSingularValues()
        let ranks = try ErrorCurve(squaredSingularValues: squares, perBond: entry.out + entry.in, scale: 1)
        var points = ranks.points.filter { $0.parameters < entry.denseCount }.map { ErrorCurve.Point(parameters: $0.parameters, loss: rise($0.loss)) }
        // Legs of many cores may take fewer numbers than a rank does: then the present size is a choice, too.
        let present = entry.parameterCount, least = try least(entry)
        if !points.contains(where: { $0.parameters >= least && $0.parameters <= present }), present < entry.denseCount {
            points.append(.init(parameters: present, loss: points.last { $0.parameters < present }?.loss ?? rise(squares.reduce(0, +))))
        }
        return try ErrorCurve(points + [.init(parameters: entry.denseCount, loss: 0)])
    }
}
