import Foundation
import Kernels
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
                let error = max(relativeError(optimizer.m[i].doubles(), moments.exp_avg), relativeError(optimizer.v[i].doubles(), moments.exp_avg_sq))
                #expect(error < 1e-6, "\(known.name), moments of the \(name): off by \(error)")
            }
        }
    }

    @Test func clipping() {
        #expect(GradientClip.factor(norm: 4, limit: 1) == 1 / (4 + 1e-6))
        #expect(GradientClip.factor(norm: 0.5, limit: 1) == 1)
        #expect(GradientClip.factor(norm: 4, limit: 0) == 1)
    }
}
