import CShims

/// The fused AdamW update of one parameter, with torch.optim.AdamW's operations in its order.
package enum AdamWLoop {
    package struct Rates: Sendable {
        package var learningRate, beta1, beta2, epsilon, weightDecay: Double
        /// 1 - beta^step.
        package var biasCorrection1, biasCorrection2: Double
        /// What the accumulated gradient is multiplied by: 1 / trained tokens, and the clip.
        package var gradientScale: Double
        package init(
            learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, step: Int, gradientScale: Double
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            biasCorrection1 = 1 - pow(beta1, step)
            biasCorrection2 = 1 - pow(beta2, step)
            self.gradientScale = gradientScale
        }
    }

    /// Parameter and moments in place; all f32.
    package static func update(_ parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, rates r: Rates) {
        precondition(parameter.dtype == .f32 && gradient.count == parameter.count, "AdamW: \(parameter.shape), \(gradient.shape)")
        let p = Address(parameter.base), g = Address(gradient.base), pm = Address(m.base), pv = Address(v.base)
        Parallel.forBlocks(of: parameter.count, block: Elementwise.block) { range in
            let o = range.lowerBound * 4
            heal_adamw_f32(
                range.count, (p.raw + o).f32, (g.raw + o).f32, (pm.raw + o).f32, (pv.raw + o).f32, r.learningRate, r.beta1, r.beta2,
                r.epsilon, r.weightDecay, r.biasCorrection1, r.biasCorrection2, r.gradientScale)
        }
    }

    private static func pow(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0, b = base, n = exponent
        while n > 0 {
            if n & 1 == 1 { result *= b }
            b *= b
            n >>= 1
        }
        return result
    }
}
