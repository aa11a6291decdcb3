import TestSupport
import Testing

@testable import TensorTrain

@Suite struct OutputMetricTests {
    /// Weighing and its inverse leave an operator as it is, whichever core holds the rows; with rows split, g is a product over legs.
    @Test(arguments: [([6, 1], [1, 8]), ([1, 6], [4, 2]), ([2, 3], [4, 2]), ([6], [8])])
    func inverse(outs: [Int], ins: [Int]) throws {
        var random = SplitMix64(seed: 3)
        let squares = outs.reduce([1.0]) { found, leg in found.flatMap { value in (0..<leg).map { value * (1 + 0.7 * Double($0)) } } }
        let layout = try MPOLayout(outFactors: outs, inFactors: ins, limit: .bondDimension(3))
        let mpo = try MPO<Float>(layout: layout, values: (0..<layout.cores).map { core in (0..<layout.coreCount(core)).map { _ in Float(random.nextUnit() - 0.5) } })
        let metric = OutputMetric(squares: squares, outFactors: outs, damping: 0)
        let dense = mpo.dense(), weighed = metric.weighted(dense), columns = ins.reduce(1, *)
        for (place, value) in weighed.enumerated() {
            let expected = Float(squares[place / columns].squareRoot()) * dense[place]
            #expect(abs(value - expected) <= 1e-5 * abs(expected))
        }
        // What a fit to the weighed matrix finds is divided again.
        let found = try MPO<Float>.decompose(weighed, layout: try MPOLayout(outFactors: outs, inFactors: ins, limit: .exact)).mpo
        for (a, b) in zip(metric.unweighted(found).dense(), dense) { #expect(abs(a - b) < 1e-5) }
    }

    /// What the curve of ranks says is what the best low-rank matrices lose; wide and tall.
    @Test(arguments: [(6, 9), (9, 6)]) func squaredSingularValues(rows: Int, columns: Int) throws {
        var random = SplitMix64(seed: 8)
        func values(_ count: Int) -> [Double] { (0..<count).map { _ in random.nextUnit() - 0.5 } }
        let weight = values(rows * columns)
        var moment = SecondMoment(width: columns)
        moment.add(values(40 * columns).map { Float($0) })
        let problem = try FitProblem<Double>(weight: weight, moment: moment)
        let squares = try problem.squaredSingularValues()
        #expect(squares.count == 6 && zip(squares, squares.dropFirst()).allSatisfy { $0 >= $1 })
        for rank in 1..<6 {
            let layout = try MPOLayout.lopsided(out: rows, in: columns, inner: 1, limit: .bondDimension(rank))
            let lost = try problem.fit(layout).error * problem.scale, left = squares[rank...].reduce(0, +)
            #expect(abs(lost - left) < 1e-4 * problem.scale, "rank \(rank): \(lost), \(left)")
        }
    }

    @Test func rowsThatReachNothingCountAlike() {
        let metric = OutputMetric(squares: [0, 0, 0], outFactors: [3], damping: 0.01)
        #expect(metric.rows == [1, 1, 1])
    }
}
