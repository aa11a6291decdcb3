import Foundation
import Kernels
import Testing

@testable import TensorTrain

@Suite struct WeightedTraceTests {
    @Test(arguments: [(1, 4, 3), (3, 4, 1), (2, 3, 2), (1, 5, 1), (3, 1, 2)])
    func isThatOfTheDefinition(before: Int, count: Int, after: Int) {
        let width = before * count * after
        let c = FittingCase.moment(width: width, tokens: 40, seed: 1)
        let left = Naive.random(before * before, seed: 2), right = Naive.random(after * after, seed: 3)
        var expected = [Double](repeating: 0, count: count * count)
        for row in 0..<width {
            for column in 0..<width {
                let (q, i, s) = (row / after / count, row / after % count, row % after)
                let (p, j, t) = (column / after / count, column / after % count, column % after)
                expected[i * count + j] += left[q * before + p] * c[row * width + column] * right[s * after + t]
            }
        }
        expectClose(WeightedTrace.sum(c, left: left, keeping: count, right: right), expected, "\(before), \(count), \(after)")
        expectClose(
            WeightedTrace.sum(c.map { Float($0) }, left: left, keeping: count, right: right), expected, "single precision", tolerance: 1e-6)
    }

    @Test func kroneckerProductsAreOrdered() {
        #expect(WeightedTrace.kronecker([[Double]]()) == [1])
        #expect(WeightedTrace.kronecker([[1, 2, 3, 4], [5]]) == [5, 10, 15, 20])
        #expect(
            WeightedTrace.kronecker([[1, 2, 0, 1], [3, 1, 0, 2]]) == [3, 1, 6, 2, 0, 2, 0, 4, 0, 0, 3, 1, 0, 0, 0, 2])
    }

    /// Of Kronecker products K the likeliest has the least tr(C K^-1) + log det K; the factors of a start come nearer to it than the partial traces.
    @Test(arguments: [[3, 4], [4, 3], [2, 3, 2], [6, 2]])
    func startTakesTheLikelierFactors(inFactors: [Int]) throws {
        let width = inFactors.reduce(1, *)
        let c = FittingCase.moment(width: width, tokens: 4 * width, seed: 5)
        func unlikelihood(_ factors: [[Double]]) throws -> Double {
            let product = WeightedTrace.kronecker(factors), cholesky = try Cholesky(product, order: width)
            // With the scale that is best for it.
            let trace = try Naive.dot(c, symmetricInverse(product, order: width)) / Double(width)
            return Double(width) * log(trace) + 2 * (0..<width).reduce(0) { $0 + log(cholesky.lower[$1 * width + $1]) }
        }
        let start = try WhitenedStart(moment: c, inFactors: inFactors, damping: 1e-12)
        let found = zip(start.factors, inFactors).map { factor, own in
            Naive.product(factor.lower, Naive.transposed(factor.lower, rows: own, columns: own), m: own, n: own, k: own)
        }
        let traces = inFactors.indices.map { index in
            WeightedTrace.sum(
                c, left: WeightedTrace.identity(inFactors[..<index].reduce(1, *)), keeping: inFactors[index],
                right: WeightedTrace.identity(inFactors[(index + 1)...].reduce(1, *)))
        }
        let (a, b) = (try unlikelihood(found), try unlikelihood(traces))
        #expect(a < b - 0.01, "\(inFactors): \(a), partial traces \(b)")
    }

    /// How the size of W' is shared among the cores: the first factor has the trace of C, the others 1, also where a core has no columns.
    @Test(arguments: [[12], [1, 12], [12, 1], [3, 4], [2, 1, 6]])
    func factorsShareTheTrace(inFactors: [Int]) throws {
        let c = FittingCase.moment(width: 12, tokens: 50, seed: 5)
        let start = try WhitenedStart(moment: c, inFactors: inFactors, damping: 0)
        for (index, factor) in start.factors.enumerated() {
            let trace = Naive.dot(factor.lower, factor.lower), expected = index == 0 ? (0..<12).reduce(0) { $0 + c[$1 * 13] } : 1
            #expect(abs(trace - expected) < 1e-12 * expected, "\(inFactors), factor \(index)")
        }
    }

    /// A moment that is a Kronecker product gives its factors, up to their scales.
    @Test func aKroneckerProductIsFound() throws {
        let factors = [FittingCase.moment(width: 3, tokens: 20, seed: 1), FittingCase.moment(width: 4, tokens: 20, seed: 2)]
        let start = try WhitenedStart(moment: WeightedTrace.kronecker(factors), inFactors: [3, 4], damping: 1e-14)
        for (index, own) in [3, 4].enumerated() {
            let lower = start.factors[index].lower
            let found = Naive.product(lower, Naive.transposed(lower, rows: own, columns: own), m: own, n: own, k: own)
            let scale = factors[index][0] / found[0]
            expectClose(found.map { scale * $0 }, factors[index], "factor \(index)", tolerance: 1e-10)
        }
    }
}
