import Foundation
import Kernels
import TensorTrain
import TestSupport
import Testing
import Trainer

/// Twenty updates against torch.optim.AdamW in float64: eight settings, clipping included.
@Suite struct AdamWOptimizerTests {
    struct Golden: Decodable {
        struct Values: Decodable {
            var matrix, vector: [Double]
        }
        struct Step: Decodable {
            var norm: Double
            var matrix, vector: [Double]
        }
        struct Decay: Decodable {
            var matrix, vector: Double
        }
        struct Moments: Decodable {
            var exp_avg, exp_avg_sq: [Double]
        }
        struct Case: Decodable {
            var name: String
            var rates: [Double]
            var adam_beta1, adam_beta2, adam_epsilon: Double
            var weight_decay: Decay
            var max_grad_norm: Double?
            var steps: [Step]
            var final_moments: [String: Moments]
        }
        var shapes: [String: [Int]]
        var initial: Values
        var gradients: [Values]
        var cases: [Case]
    }

    /// The gradients come as sums over this many tokens, as a window gives them.
    private static let tokens = 7.0

    @Test func trajectories() throws {
        let golden: Golden = try GoldenFiles.json("training/adamw.json")
        #expect(golden.cases.count == 8)
        for known in golden.cases {
            // Only tensors of more than one dimension decay: a vector that is to decay is shown as a matrix of one row.
            let vectorShape = known.weight_decay.vector > 0 ? [1] + golden.shapes["vector"]! : golden.shapes["vector"]!
            let shapes = [golden.shapes["matrix"]!, vectorShape]
            func tensors(_ values: Golden.Values, times factor: Double = 1) -> [Tensor] {
                zip([values.matrix, values.vector], shapes).map { Tensor($0.map { Float($0 * factor) }, $1) }
            }
            var optimizer = AdamWOptimizer(
                shapes: shapes, beta1: known.adam_beta1, beta2: known.adam_beta2, epsilon: known.adam_epsilon, weightDecay: known.weight_decay.matrix)
            let parameters = tensors(golden.initial)
            var worst = 0.0, worstNorm = 0.0
            #expect(known.steps.count == 20)
            for (k, step) in known.steps.enumerated() {
                let gradients = tensors(golden.gradients[k], times: Self.tokens)
                let norm = gradients.reduce(0) { $0 + Elementwise.sumOfSquares($1) }.squareRoot() / Self.tokens
                worstNorm = max(worstNorm, abs(norm - step.norm) / step.norm)
                optimizer.update(
                    parameters, gradients: { gradients[$0] }, learningRate: known.rates[k],
                    gradientScale: GradientClip.factor(norm: norm, limit: known.max_grad_norm ?? 0) / Self.tokens)
                worst = max(worst, relativeError(parameters[0].doubles(), step.matrix), relativeError(parameters[1].doubles(), step.vector))
            }
            #expect(optimizer.step == 20)
            #expect(worst < 1e-6, "\(known.name): parameters are off by \(worst)")
            #expect(worstNorm < 1e-6, "\(known.name): norms are off by \(worstNorm)")
            for (i, name) in ["matrix", "vector"].enumerated() {
                let moments = known.final_moments[name]!
                guard case .wide(let m, let v) = optimizer.moments[i] else { fatalError("fp32 moments are expected") }
                let error = max(relativeError(m.doubles(), moments.exp_avg), relativeError(v.doubles(), moments.exp_avg_sq))
                #expect(error < 1e-6, "\(known.name), moments of the \(name): off by \(error)")
            }
        }
    }

    /// 8-bit moments and bf16 parameters against fp32 on a noisy quadratic with curvatures over two decades in every block.
    ///
    /// Coding moves a second moment by up to 6 % at random each step, which the decay averages to a spread of about 15 %: steps of single elements differ
    /// by half of that, in both directions, and the path as a whole by 0.03. A bf16 parameter that goes a way d in places of size u has been rounded
    /// about d / u times, which scatters its end by sqrt(d u): here sqrt(0.4 / 256) = 0.04 of 0.4. The loss that is reached is the same.
    @Test(arguments: [(AdamWOptimizer.Precision.blockwise, DType.f32, 0.05), (.wide, .bf16, 0.2), (.blockwise, .bf16, 0.2)])
    func narrowStateFollowsTheSamePath(precision: AdamWOptimizer.Precision, type: DType, tolerance: Double) {
        let shape = [64, 128], n = 64 * 128
        func run(_ precision: AdamWOptimizer.Precision, _ type: DType) -> (path: [Double], loss: Double) {
            var generator = SplitMix64(seed: 11)
            func noise() -> Float { Float(2 * generator.nextUnit() - 1) }
            let start = (0..<n).map { _ in noise() }, target = (0..<n).map { _ in noise() }
            let curvature = (0..<n).map { Float.pow10(-2 * Float($0 % 97) / 97) }
            let p = Elementwise.convert(Tensor(start, shape), to: type)
            var optimizer = AdamWOptimizer(
                shapes: [shape], beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, precision: precision, seed: 5)
            for _ in 0..<300 {
                let x = p.floats()
                let gradient = Tensor((0..<n).map { curvature[$0] * (x[$0] - target[$0] + 0.5 * noise()) }, shape)
                optimizer.update([p], gradients: { _ in gradient }, learningRate: 2e-3, gradientScale: 1)
            }
            let end = p.floats()
            var loss = 0.0
            for i in 0..<n {
                let distance = Double(end[i] - target[i])
                loss += Double(curvature[i]) * distance * distance
            }
            return ((0..<n).map { Double(end[$0] - start[$0]) }, loss)
        }
        let wide = run(.wide, .f32), narrow = run(precision, type)
        func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let error = norm(zip(narrow.path, wide.path).map { $0 - $1 }) / norm(wide.path)
        #expect(error < tolerance, "\(precision), \(type): paths differ by \(error)")
        #expect(abs(narrow.loss / wide.loss - 1) < 0.02, "\(precision), \(type): loss \(narrow.loss), \(wide.loss) in fp32")
    }

    @Test func smallTensorsKeepWideMoments() {
        let optimizer = AdamWOptimizer(
            shapes: [[8192], [64, 63], [64, 64]], beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, precision: .blockwise)
        let narrow = optimizer.moments.map { if case .blockwise = $0 { true } else { false } }
        #expect(narrow == [false, false, true])
        #expect(optimizer.moments[2].byteCount == 2 * 4096 + 2 * 16 * 4)
    }

    @Test func clipping() {
        #expect(GradientClip.factor(norm: 4, limit: 1) == 1 / (4 + 1e-6))
        #expect(GradientClip.factor(norm: 0.5, limit: 1) == 1)
        #expect(GradientClip.factor(norm: 4, limit: 0) == 1)
    }
}

extension Float {
    fileprivate static func pow10(_ x: Float) -> Float { Float(Foundation.pow(10, Double(x))) }
}
