import Autograd
import Kernels
import TestSupport
import Testing

struct CompletionTests {
    /// A parameter is told of once, when its gradient is what it will be at the end: also where it is used twice, inside a stretch that is computed again
    /// and outside, or inside a stretch within one.
    @Test func toldWhenNothingMoreIsAdded() {
        var random = SplitMix(1)
        let weights = (0..<5).map { _ in random.tensor([4, 4]) }, x = random.tensor([3, 4])
        let gradients = Gradients(shapes: weights.map { Optional($0.shape) }, type: .f64)
        @Sendable func linear(_ tape: inout Tape, _ x: Variable, _ k: Int) -> Variable { tape.apply(Linear(), x, tape.parameter(weights[k], index: k)) }
        var tape = Tape()
        var y = linear(&tape, tape.input(x), 0)
        y = linear(&tape, y, 1)
        y = tape.checkpoint(y) { tape, y in
            let inner = tape.checkpoint(linear(&tape, y, 2)) { tape, y in linear(&tape, linear(&tape, y, 4), 3) }
            return linear(&tape, inner, 1)
        }
        y = linear(&tape, y, 3)
        var told: [(parameter: Int, gradient: [Double])] = []
        tape.backward(from: y, cotangent: random.tensor([3, 4]), into: gradients) { told.append(($0, gradients[$0].copy().doubles())) }
        #expect(Set(told.map(\.parameter)) == [0, 1, 2, 3, 4] && told.count == 5)
        #expect(told.suffix(2).map(\.parameter) == [1, 0])
        for (parameter, gradient) in told {
            #expect(gradient == gradients[parameter].doubles() && gradient.contains { $0 != 0 }, "parameter \(parameter)")
        }
    }
}
