/// What a matrix would lose at each size it could have.
package struct ErrorCurve: Sendable, Equatable {
    package struct Point: Sendable, Equatable, Codable {
        package var parameters: Int
        /// The loss predicted at that size; any unit that is the same for all matrices.
        package var loss: Double

        package init(parameters: Int, loss: Double) {
            self.parameters = parameters
            self.loss = loss
        }
    }

    /// By rising parameters.
    package let points: [Point]

    /// - Throws: when there is no point, or a number that is not finite or below zero.
    package init(_ points: [Point]) throws(TensorTrainError) {
        guard !points.isEmpty else { throw .outOfRange("an error curve needs at least one point") }
        for point in points where point.parameters < 0 || !point.loss.isFinite || point.loss < 0 {
            throw .outOfRange("an error curve cannot hold a loss of \(point.loss) at \(point.parameters) parameters")
        }
        self.points = points.sorted { ($0.parameters, $0.loss) < ($1.parameters, $1.loss) }
    }

    /// The losses of every bond of a two-core operator from the squared singular values at its cut, largest first: bond r keeps
    /// r (o1 i1 + o2 i2) - r^2 parameters and loses what follows the first r.
    ///
    /// - Parameters:
    ///   - perBond: o1 i1 + o2 i2.
    ///   - scale: what losses are divided by, such as E|W x|^2.
    package init(squaredSingularValues: [Double], perBond: Int, scale: Double) throws(TensorTrainError) {
        var tail = 0.0
        var points: [Point] = []
        for index in squaredSingularValues.indices.reversed() {
            points.append(Point(parameters: (index + 1) * (perBond - (index + 1)), loss: tail / scale))
            tail += max(squaredSingularValues[index], 0)
        }
        try self.init(points)
    }
}

/// Spreads a total count of parameters over matrices so that the weighted sum of their losses is least.
///
/// On the lower convex hulls of the curves the steps with the largest gain per parameter are taken first, which is the optimum of
/// the Lagrangian (Everett 1963) at every total that it meets; what the last step leaves over is then spent on points between,
/// by gain per parameter as long as anything fits.
package struct BudgetAllocator: Sendable {
    package struct Matrix: Sendable {
        package var name: String
        package var curve: ErrorCurve
        /// How much a loss of this matrix weighs: its sensitivity.
        package var weight: Double
        /// Parameters allowed; a range of one number pins the matrix.
        package var allowed: ClosedRange<Int>

        package init(name: String, curve: ErrorCurve, weight: Double = 1, allowed: ClosedRange<Int> = 0...Int.max) {
            self.name = name
            self.curve = curve
            self.weight = weight
            self.allowed = allowed
        }
    }

    package struct Allocation: Sendable, Equatable {
        /// For each matrix, the point of its curve.
        package let points: [ErrorCurve.Point]
        package var parameters: Int { points.reduce(0) { $0 + $1.parameters } }
        /// The weighted sum of losses.
        package let loss: Double
    }

    /// - Throws: when a matrix has no point in its range, or the least sizes together exceed the budget.
    package static func allocate(_ matrices: [Matrix], budget: Int) throws(TensorTrainError) -> Allocation {
        var curves: [[ErrorCurve.Point]] = []
        for matrix in matrices {
            guard matrix.weight.isFinite, matrix.weight >= 0 else {
                throw .outOfRange("\(matrix.name): the weight \(matrix.weight) is not a number of at least 0")
            }
            let points = pareto(matrix.curve.points.filter { matrix.allowed.contains($0.parameters) })
            guard !points.isEmpty else {
                throw .outOfRange("\(matrix.name): its error curve has no point from \(matrix.allowed.lowerBound) to \(matrix.allowed.upperBound) parameters")
            }
            curves.append(points)
        }
        var chosen = [Int](repeating: 0, count: curves.count)
        var left = budget - curves.reduce(0) { $0 + $1[0].parameters }
        guard left >= 0 else {
            throw .outOfRange("the smallest sizes allowed need \(budget - left) parameters, the budget is \(budget); raise keep or lower the minima")
        }
        // The steps of all hulls; within one hull the gains fall, so sorting keeps their order.
        var steps: [(matrix: Int, point: Int, gain: Double)] = []
        for (index, points) in curves.enumerated() {
            var from = 0
            for point in hull(points) {
                steps.append((index, point, gain(points[from], points[point], matrices[index].weight)))
                from = point
            }
        }
        steps.sort { ($1.gain, $0.matrix, $0.point) < ($0.gain, $1.matrix, $1.point) }
        for step in steps where step.gain > 0 {
            let points = curves[step.matrix]
            let price = points[step.point].parameters - points[chosen[step.matrix]].parameters
            if price > left { break }
            left -= price
            chosen[step.matrix] = step.point
        }
        while let step = curves.indices.compactMap({ best($0, curves[$0], from: chosen[$0], within: left, matrices[$0].weight) })
            .max(by: { ($0.gain, $1.matrix) < ($1.gain, $0.matrix) }), step.gain > 0
        {
            left -= curves[step.matrix][step.point].parameters - curves[step.matrix][chosen[step.matrix]].parameters
            chosen[step.matrix] = step.point
        }
        let points = curves.indices.map { curves[$0][chosen[$0]] }
        return Allocation(points: points, loss: zip(points, matrices).reduce(0) { $0 + $1.0.loss * $1.1.weight })
    }

    private static func gain(_ from: ErrorCurve.Point, _ to: ErrorCurve.Point, _ weight: Double) -> Double {
        weight * (from.loss - to.loss) / Double(to.parameters - from.parameters)
    }

    /// The largest gain per parameter of one matrix among the points it can still afford.
    private static func best(
        _ matrix: Int, _ points: [ErrorCurve.Point], from: Int, within left: Int, _ weight: Double
    ) -> (matrix: Int, point: Int, gain: Double)? {
        points.indices[(from + 1)...].prefix { points[$0].parameters - points[from].parameters <= left }
            .map { (matrix, $0, gain(points[from], points[$0], weight)) }.max { ($0.2, $1.1) < ($1.2, $0.1) }
    }

    /// Only points that lose less than every smaller one.
    private static func pareto(_ points: [ErrorCurve.Point]) -> [ErrorCurve.Point] {
        var result: [ErrorCurve.Point] = []
        for point in points where point.loss < result.last?.loss ?? .infinity {
            if result.last?.parameters == point.parameters { result.removeLast() }
            result.append(point)
        }
        return result
    }

    /// The indices of the lower convex hull after the first point (Andrew's monotone chain).
    private static func hull(_ points: [ErrorCurve.Point]) -> [Int] {
        var stack = [0]
        for next in points.indices.dropFirst() {
            while stack.count > 1,
                gain(points[stack[stack.count - 2]], points[stack[stack.count - 1]], 1)
                    <= gain(points[stack[stack.count - 1]], points[next], 1)
            {
                stack.removeLast()
            }
            stack.append(next)
        }
        return Array(stack.dropFirst())
    }
}
