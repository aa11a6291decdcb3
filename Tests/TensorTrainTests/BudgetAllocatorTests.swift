import Testing

@testable import TensorTrain

@Suite struct BudgetAllocatorTests {
    private typealias Matrix = BudgetAllocator.Matrix

    private func curve(_ points: [(Int, Double)]) throws -> ErrorCurve {
        try ErrorCurve(points.map { ErrorCurve.Point(parameters: $0.0, loss: $0.1) })
    }

    /// The best of all combinations within the budget.
    private func bruteForce(_ matrices: [Matrix], budget: Int) -> Double {
        var best = Double.infinity
        func go(_ index: Int, _ left: Int, _ loss: Double) {
            if index == matrices.count {
                best = min(best, loss)
                return
            }
            let matrix = matrices[index]
            for point in matrix.curve.points where point.parameters <= left && matrix.allowed.contains(point.parameters) {
                go(index + 1, left - point.parameters, loss + matrix.weight * point.loss)
            }
        }
        go(0, budget, 0)
        return best
    }

    /// Curves of equal steps and falling gains: greedy is optimal at every budget.
    @Test func convexCurvesAreSolvedExactly() throws {
        let matrices = try [(1.0, 0.5), (3.0, 0.7), (0.5, 0.9)].enumerated().map { index, shape in
            Matrix(
                name: "\(index)", curve: try curve((1...6).map { ($0 * 10, pow(shape.1, $0)) }), weight: shape.0)
        }
        for budget in stride(from: 30, through: 200, by: 5) {
            let found = try BudgetAllocator.allocate(matrices, budget: budget)
            #expect(found.parameters <= budget)
            #expect(abs(found.loss - bruteForce(matrices, budget: budget)) < 1e-12, "\(budget)")
        }
    }

    @Test func unevenCurvesComeNearTheBest() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let matrices = try (0..<4).map { index in
                var loss = 1.0
                let drops = Naive.random(8, seed: seed &* 31 &+ UInt64(index)).map { ($0 + 1) / 2 }
                return Matrix(
                    name: "\(index)",
                    curve: try curve(drops.enumerated().map { step, drop in
                        loss *= drop
                        return (3 + (step + 1) * (2 + index), loss)
                    }), weight: Double(1 + index))
            }
            for budget in [40, 60, 80] {
                let found = try BudgetAllocator.allocate(matrices, budget: budget)
                let best = bruteForce(matrices, budget: budget)
                #expect(found.parameters <= budget && found.loss >= best - 1e-12)
                #expect(found.loss < best * 1.5 + 0.05, "seed \(seed), \(budget): \(found.loss), best \(best)")
                // What is left over buys nothing.
                for (matrix, point) in zip(matrices, found.points) {
                    let left = budget - found.parameters
                    #expect(!matrix.curve.points.contains { $0.loss < point.loss && $0.parameters <= point.parameters + left })
                }
            }
        }
    }

    @Test func rangesPinAndBound() throws {
        let points = (1...6).map { ($0 * 10, 1 / Double($0)) }
        let matrices = [
            Matrix(name: "pinned", curve: try curve(points), weight: 100, allowed: 20...20),
            Matrix(name: "bounded", curve: try curve(points), weight: 0.01, allowed: 30...40),
            Matrix(name: "free", curve: try curve(points)),
        ]
        let found = try BudgetAllocator.allocate(matrices, budget: 90)
        #expect(found.points.map(\.parameters) == [20, 30, 40])
        #expect(try BudgetAllocator.allocate(matrices, budget: 1000).points.map(\.parameters) == [20, 40, 60])
        #expect(throws: TensorTrainError.self) { try BudgetAllocator.allocate(matrices, budget: 59) }
        var impossible = matrices
        impossible[1].allowed = 31...39
        #expect(throws: TensorTrainError.self) { try BudgetAllocator.allocate(impossible, budget: 90) }
    }

    @Test func spectraBecomeCurves() throws {
        let curve = try ErrorCurve(squaredSingularValues: [9, 4, 1], perBond: 7, scale: 14)
        #expect(curve.points.map(\.parameters) == [7 - 1, 14 - 4, 21 - 9])
        expectClose(curve.points.map(\.loss), [5.0 / 14, 1.0 / 14, 0], "tails")
        #expect(throws: TensorTrainError.self) { try ErrorCurve([]) }
        #expect(throws: TensorTrainError.self) { try ErrorCurve([ErrorCurve.Point(parameters: 1, loss: .nan)]) }
    }
}

private func pow(_ base: Double, _ exponent: Int) -> Double { (0..<exponent).reduce(1) { value, _ in value * base } }
