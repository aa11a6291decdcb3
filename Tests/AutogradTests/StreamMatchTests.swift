import Autograd
import Kernels
import TestSupport
import Testing

@Suite struct StreamMatchTests {
    /// What a match adds to the loss, as an op of its own.
    private struct Alone: Primitive {
        let target: Tensor
        let rows: [Int]
        let factor: Double
        /// Another factor's gradient, to see that the check finds it.
        var gradientFactor: Double?

        func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
            let distance = StreamDistance()
            let match = StreamMatch(target, rows: rows, factor: gradientFactor ?? factor, distance: distance)
            return Evaluation(Tensor([factor * distance(after: match, inputs, wants)], [1]), saved: match.forward(inputs, wants: wants).saved)
        }

        func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
            let gradient = saved[0].copy()
            Elementwise.scale(gradient, by: cotangent.doubles()[0])
            StreamMatch(target, rows: rows, factor: factor, distance: StreamDistance()).pullback(.zeros(gradient.shape, .f64), saved: [gradient], into: &cotangents)
        }
    }

    private static func sample() -> (x: Tensor, target: Tensor, rows: [Int]) {
        var r = SplitMix(51)
        let x = r.tensor([130, 5]), target = r.tensor([130, 5])
        return (x, target, (0..<130).filter { $0 % 3 != 1 })
    }

    @Test func gradient() {
        let (x, target, rows) = Self.sample()
        for (_, error) in GradientCheck().run(Alone(target: target, rows: rows, factor: 0.7), [x]) { #expect(error < 1e-6) }
        for (_, error) in GradientCheck().run(Alone(target: target, rows: rows, factor: 0.7, gradientFactor: 0.7007), [x]) { #expect(error > 1e-6, "a wrong gradient") }
    }

    /// The stream passes unchanged, its cotangent with what draws it; the sum is that of the definition, and tokens that do not count have no part in it.
    @Test func isTheIdentity() {
        let (x, target, rows) = Self.sample(), distance = StreamDistance()
        let evaluation = StreamMatch(target, rows: rows, factor: 0.5, distance: distance).forward([x], wants: [true])
        #expect(evaluation.output.doubles() == x.doubles())
        let (xs, ts) = (x.doubles(), target.doubles())
        let expected = rows.reduce(0.0) { sum, t in
            let place = t * 5..<(t + 1) * 5
            return sum + place.reduce(0) { $0 + (xs[$1] - ts[$1]) * (xs[$1] - ts[$1]) } / place.reduce(0) { $0 + ts[$1] * ts[$1] }
        }
        #expect(abs(distance.total - expected) < 1e-12 * expected)
        let gradient = evaluation.saved[0].doubles()
        #expect((0..<130).allSatisfy { t in gradient[t * 5..<(t + 1) * 5].contains { $0 != 0 } == rows.contains(t) })
    }

    /// A teacher that gives nothing for a token says nothing about it.
    @Test func emptyTarget() {
        let distance = StreamDistance(), x = Tensor([1.0, 2, 3, 4], [2, 2])
        let evaluation = StreamMatch(Tensor([0.0, 0, 3, 5], [2, 2]), rows: [0, 1], factor: 1, distance: distance).forward([x], wants: [true])
        #expect(distance.total == 1.0 / 34 && evaluation.saved[0].doubles()[..<2] == [0, 0])
    }
}

extension StreamDistance {
    fileprivate func callAsFunction(after match: StreamMatch, _ inputs: [Tensor], _ wants: [Bool]) -> Double {
        let before = total
        _ = match.forward(inputs, wants: wants)
        return total - before
    }
}
