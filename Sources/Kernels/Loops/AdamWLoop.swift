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

        fileprivate var loop: heal_adamw_rates {
            heal_adamw_rates(
                lr: learningRate, beta1: beta1, beta2: beta2, eps: epsilon, weight_decay: weightDecay, bias_correction1: biasCorrection1,
                bias_correction2: biasCorrection2, grad_scale: gradientScale)
        }
    }

    /// Parameter and moments in place. Gradient and moments are f32; the parameter is f32, or bf16 and rounded at random.
    package static func update(_ parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, rates r: Rates, random: RoundingBits) {
        requireTypes(parameter, gradient)
        let p = Address(parameter.base), g = Address(gradient.base), pm = Address(m.base), pv = Address(v.base)
        let isNarrow = parameter.dtype == .bf16
        Parallel.forBlocks(of: parameter.count, block: Elementwise.block) { range in
            let start = range.lowerBound, o = start * 4
            if isNarrow {
                var rates = r.loop
                heal_adamw_bf16(
                    range.count, (p.raw + start * 2).bf16, (g.raw + o).f32, (pm.raw + o).f32, (pv.raw + o).f32, &rates,
                    random.key(block: start / Elementwise.block))
            } else {
                heal_adamw_f32(
                    range.count, (p.raw + o).f32, (g.raw + o).f32, (pm.raw + o).f32, (pv.raw + o).f32, r.learningRate, r.beta1, r.beta2,
                    r.epsilon, r.weightDecay, r.biasCorrection1, r.biasCorrection2, r.gradientScale)
            }
        }
    }

    /// As above with moments in 8 bits, which are rounded at random too.
    package static func update(_ parameter: Tensor, gradient: Tensor, moments: BlockwiseMoments, rates r: Rates, random: RoundingBits) {
        requireTypes(parameter, gradient)
        precondition(parameter.count == moments.count, "AdamW: \(parameter.shape), \(moments.count) moments")
        precondition(Elementwise.block % BlockwiseMoments.block == 0)
        let p = Address(parameter.base), g = Address(gradient.base), m = Address(moments.m.baseAddress!), v = Address(moments.v.baseAddress!)
        let mScale = Address(moments.mScale.base), vScale = Address(moments.vScale.base), isNarrow = parameter.dtype == .bf16
        Parallel.forBlocks(of: parameter.count, block: Elementwise.block) { range in
            let start = range.lowerBound, scale = start / BlockwiseMoments.block * 4, key = random.key(block: start / Elementwise.block)
            let gradient = (g.raw + start * 4).f32, mCodes = (m.raw + start).u8, vCodes = (v.raw + start).u8
            var rates = r.loop
            if isNarrow {
                heal_adamw_8bit_bf16(
                    range.count, (p.raw + start * 2).bf16, gradient, mCodes, (mScale.raw + scale).f32, vCodes, (vScale.raw + scale).f32, &rates, key)
            } else {
                heal_adamw_8bit_f32(
                    range.count, (p.raw + start * 4).f32, gradient, mCodes, (mScale.raw + scale).f32, vCodes, (vScale.raw + scale).f32, &rates, key)
            }
        }
    }

    private static func requireTypes(_ parameter: Tensor, _ gradient: Tensor) {
        precondition(
            parameter.dtype != .f64 && gradient.dtype == .f32 && gradient.count == parameter.count,
            "AdamW: \(parameter.shape) \(parameter.dtype), \(gradient.shape) \(gradient.dtype)")
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

extension UnsafeMutableRawPointer {
    fileprivate var u8: UnsafeMutablePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
}
