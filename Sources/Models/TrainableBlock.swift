import Autograd
import Kernels

/// One block of a model whose cores are trained, apart from the others.
package struct TrainableBlock: Sendable {
    package let model: LlamaModel
    private let layer: Int

    /// - Parameter weights: those of the block; cores are in float32 and are updated in place.
    package init(_ configuration: LlamaConfiguration, _ weights: ModelWeights, layer: Int, compute: DType, longestContext: Int) {
        let cores = Set(weights.layouts.keys.flatMap(weights.coreNames))
        model = LlamaModel(configuration, weights, compute: compute, longestContext: longestContext, trains: cores.contains)
        self.layer = layer
    }

    /// The block's output, [T, hidden], wide.
    ///
    /// - Parameter x: its input, [T, hidden], wide.
    package func output(_ x: Tensor, _ input: TokenInput, _ tape: inout Tape) -> Variable {
        let attend = CausalAttention(model.attention, segments: input.segments)
        return model.block(layer, Variable(constant: x), positions: input.positions, &tape) { q, k, v, tape in tape.apply(attend, q, k, v) }
    }
}
