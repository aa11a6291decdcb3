import Foundation
import Kernels

/// AdamW (arXiv 1711.05101) over a model's trained tensors, with torch.optim.AdamW's arithmetic. State is plain: two moments a tensor and a count.
package struct AdamWOptimizer: Sendable {
    /// How the moments of large tensors are kept.
    package enum Precision: String, Sendable {
        case wide = "adamw"
        /// 8 bits an element (arXiv 2110.02861).
        case blockwise = "adamw_8bit"
    }

    /// The moments of one tensor.
    package enum Moments: Sendable {
        case wide(m: Tensor, v: Tensor)
        case blockwise(BlockwiseMoments)

        package var byteCount: Int {
            switch self {
            case .wide(let m, let v): m.byteCount + v.byteCount
            case .blockwise(let moments): moments.byteCount
            }
        }
    }

    /// What weight decay shrinks (decoupled: by learning rate times `weightDecay` a step).
    package enum Decay: String, Sendable, CaseIterable {
        /// Every trained matrix and core: a product of N cores shrinks N times as fast as a matrix.
        case cores
        /// Every trained matrix, and products of cores like them, the N cores sharing the factor.
        case product
    }

    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: Double
    /// The matrices whose cores are among the parameters. Without them cores are parameters like any other.
    package var chains: [TrainedChain] = []
    package var coreLearningRate = CoreLearningRate.uniform
    package var decay = Decay.cores
    /// Updates after which the gauge of the chains is balanced again, and the moments with it; nil leaves it to the updates. Moments must be wide.
    package var gaugeSteps: Int?
    package let precision: Precision
    /// Of the bits that round bf16 parameters and 8-bit moments.
    package let seed: Int
    /// Updates done.
    package var step = 0
    /// By the parameter's index.
    package private(set) var moments: [Moments]

    package init(
        shapes: [[Int]], beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, precision: Precision = .wide, seed: Int = 0
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.precision = precision
        self.seed = seed
        moments = shapes.map { shape in
            precision == .blockwise && Self.isLarge(shape)
                ? .blockwise(BlockwiseMoments(count: shape.reduce(1, *))) : .wide(m: .zeros(shape, .f32), v: .zeros(shape, .f32))
        }
    }

    /// Small tensors keep fp32 moments with every optimizer: they cost nothing, and norms are sensitive.
    package static func isLarge(_ shape: [Int]) -> Bool { shape.count > 1 && shape.reduce(1, *) >= 4096 }

    /// One update in place. `gradientScale` multiplies the accumulated gradients: one over the trained tokens, times the clip.
    package mutating func update(_ parameters: [Tensor], gradients: (Int) -> Tensor, learningRate: Double, gradientScale: Double) {
        step += 1
        var rates = AdamWLoop.Rates(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, step: step,
            gradientScale: gradientScale)
        let factors = learningRateFactors(parameters), decays = decays(parameters, learningRate: learningRate)
        for (i, parameter) in parameters.enumerated() {
            rates.learningRate = learningRate * factors[i]
            // The loop's decay is times its own learning rate.
            rates.weightDecay = decays[i] / factors[i]
            let random = RoundingBits(seed: seed, step: step, parameter: i)
            switch moments[i] {
            case .wide(let m, let v): AdamWLoop.update(parameter, gradient: gradients(i), m: m, v: v, rates: rates, random: random)
            case .blockwise(let moments): AdamWLoop.update(parameter, gradient: gradients(i), moments: moments, rates: rates, random: random)
            }
        }
        if let gaugeSteps, step % gaugeSteps == 0 {
            let (chains, moments) = (chains, moments)
            Parallel.forEach(chains.count) { GaugeBalance.balance(chains[$0], parameters, moments) }
        }
    }

    /// What the learning rate of each parameter is multiplied by: a function of the parameters as they are.
    private func learningRateFactors(_ parameters: [Tensor]) -> [Double] {
        var factors = parameters.map { _ in 1.0 }
        guard coreLearningRate == .balanced else { return factors }
        let chains = chains, found = Memory(byteCount: 8 * max(1, parameters.count)), place = Address(found.base)
        Parallel.forEach(chains.count) { c in
            let chain = chains[c], values = CoreLearningRate.balancedFactors(chain.layout, chain.bondNorms(parameters))
            for (k, parameter) in chain.parameters.enumerated() { place.raw.f64[parameter] = values[k] }
        }
        for parameter in chains.flatMap(\.parameters) { factors[parameter] = found.base.f64[parameter] }
        return factors
    }

    /// The decay of each parameter, to be multiplied by the learning rate. Norms and biases have none, as in Hugging Face's Trainer.
    private func decays(_ parameters: [Tensor], learningRate: Double) -> [Double] {
        var decays = parameters.map { $0.shape.count > 1 ? weightDecay : 0 }
        guard decay == .product, weightDecay > 0, learningRate > 0 else { return decays }
        for chain in chains {
            let share = 1 - pow(max(0, 1 - learningRate * weightDecay), 1 / Double(chain.layout.cores))
            for parameter in chain.parameters { decays[parameter] = share / learningRate }
        }
        return decays
    }
}

/// Cutting gradients to a global norm, as torch.nn.utils.clip_grad_norm_ does.
package enum GradientClip {
    /// What gradients of this norm are multiplied by so that the norm is at most `limit`; 0 or less means no limit.
    package static func factor(norm: Double, limit: Double) -> Double {
        limit > 0 ? min(1, limit / (norm + 1e-6)) : 1
    }
}
