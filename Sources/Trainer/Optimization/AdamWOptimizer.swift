import Kernels
import Models

/// AdamW (arXiv 1711.05101) over a model's trained tensors, with torch.optim.AdamW's arithmetic. State is plain: two moments a tensor and a count.
package struct AdamWOptimizer: Sendable {
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double
    /// Updates done.
    package var step = 0
    /// First and second moments, wide, by the parameter's index.
    package private(set) var m: [Tensor]
    package private(set) var v: [Tensor]

    package init(shapes: [[Int]], beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        m = shapes.map { Tensor.zeros($0, .f32) }
        v = shapes.map { Tensor.zeros($0, .f32) }
    }

    /// One update in place. `gradientScale` multiplies the accumulated gradients: one over the trained tokens, times the clip.
    package mutating func update(_ parameters: [Tensor], gradients: (Int) -> Tensor, learningRate: Double, gradientScale: Double) {
        step += 1
        var rates = AdamWLoop.Rates(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, step: step,
            gradientScale: gradientScale)
        for (i, parameter) in parameters.enumerated() {
            // Norms and biases are not decayed, as in Hugging Face's Trainer.
            rates.weightDecay = parameter.shape.count > 1 ? weightDecay : 0
            AdamWLoop.update(parameter, gradient: gradients(i), m: m[i], v: v[i], rates: rates)
        }
    }
}

/// Cutting gradients to a global norm, as torch.nn.utils.clip_grad_norm_ does.
package enum GradientClip {
    /// What gradients of this norm are multiplied by so that the norm is at most `limit`; 0 or less means no limit.
    package static func factor(norm: Double, limit: Double) -> Double {
        limit > 0 ? min(1, limit / (norm + 1e-6)) : 1
    }
}
