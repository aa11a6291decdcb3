import Autograd
import Kernels

/// Compares a primitive's pullback with central differences in Double.
///
/// The scalar whose derivative is taken is <u, op(x)> with a random cotangent u, so every output enters with its own weight. Each input is checked
/// along random directions and, while it is small, element by element.
package struct GradientCheck {
    package var tolerance = 1e-6
    package var step = 1e-5
    package var seed: UInt64 = 1

    package init(tolerance: Double = 1e-6) { self.tolerance = tolerance }

    /// Largest relative disagreement over the inputs in `checked`; nil for an input without a cotangent.
    package func run(_ op: some Primitive, _ inputs: [Tensor], checked: [Int]? = nil) -> [(input: Int, error: Double)] {
        var random = SplitMix(seed)
        let wanted = checked ?? Array(inputs.indices)
        var tape = Tape()
        let variables = inputs.enumerated().map { i, x in wanted.contains(i) ? tape.input(x) : Variable(constant: x) }
        let output = tape.apply(op, to: variables)
        let u = Tensor((0..<output.value.count).map { _ in random.normal() }, output.value.shape)
        let gradients = Gradients(shapes: [], type: .f64)
        let found = tape.backward(from: output, cotangent: u, into: gradients, returning: wanted.map { variables[$0] })
        func value(_ x: [Tensor]) -> Double {
            let y = op.forward(x, wants: x.map { _ in false }).output.doubles()
            return zip(y, u.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
        }
        return zip(wanted, found).map { input, gradient in
            guard let gradient else { return (input, .infinity) }
            let g = gradient.doubles(), x = inputs[input].doubles(), shape = inputs[input].shape
            func derivative(along direction: [Double]) -> Double {
                func moved(_ by: Double) -> [Tensor] {
                    var all = inputs
                    all[input] = Tensor(zip(x, direction).map { $0 + by * $1 }, shape)
                    return all
                }
                return (value(moved(step)) - value(moved(-step))) / (2 * step)
            }
            let scale = max(g.map(abs).max() ?? 0, 1e-3)
            var worst = 0.0
            for _ in 0..<3 {
                let direction = x.map { _ in random.normal() }
                let expected = derivative(along: direction), actual = zip(g, direction).reduce(0) { $0 + $1.0 * $1.1 }
                let size = max(abs(expected), zip(g, direction).reduce(0) { $0 + abs($1.0 * $1.1) } * 1e-2, 1e-6)
                worst = max(worst, abs(expected - actual) / size)
            }
            for element in (x.count <= 64 ? Array(x.indices) : (0..<16).map { _ in Int(random.next() % UInt64(x.count)) }) {
                var direction = x.map { _ in 0.0 }
                direction[element] = 1
                worst = max(worst, abs(derivative(along: direction) - g[element]) / scale)
            }
            return (input, worst)
        }
    }
}

/// A small seeded generator for tests.
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    package init(_ seed: UInt64) { state = seed }
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
    /// About normal: the sum of twelve uniforms.
    package mutating func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + uniform() } }
    package mutating func tensor(_ shape: [Int], scale: Double = 1) -> Tensor {
        Tensor((0..<shape.reduce(1, *)).map { _ in normal() * scale }, shape)
    }
}
