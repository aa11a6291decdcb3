import Autograd
import Kernels

/// The matrices of a block in four groups, in the order they are used; the matrices of one group have the same input.
package enum BlockStep: Int, CaseIterable, Sendable {
    /// q, k and v.
    case attention
    /// The mixture of heads.
    case attentionOutput
    /// gate and up.
    case gates
    /// down.
    case output

    /// Whether what the matrices give is added to the residual stream.
    package var addsToResidual: Bool { self == .attentionOutput || self == .output }

    /// Names without the block's, as in ``LlamaNames/matrices``.
    package var matrices: [String] {
        switch self {
        case .attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
        case .attentionOutput: ["self_attn.o_proj"]
        case .gates: ["mlp.gate_proj", "mlp.up_proj"]
        case .output: ["mlp.down_proj"]
        }
    }
}

/// Some tokens on their way through a block: they stand before the matrices of a step.
package struct BlockState: Sendable {
    /// What the next residual sum adds to, [T, hidden], wide.
    package let residual: Tensor
    /// What the matrices of the step get, in the compute type; empty after the last step.
    package let input: Tensor
}

/// Computes one block step by step, without gradients, so that the inputs of its matrices can be looked at and matrices replaced in between.
package struct BlockRunner: Sendable {
    private let model: LlamaModel
    package let layer: Int

    /// - Parameter weights: those of the block; others are not needed.
    package init(_ configuration: LlamaConfiguration, _ weights: ModelWeights, layer: Int, compute: DType, longestContext: Int) {
        model = LlamaModel(configuration, weights, compute: compute, longestContext: longestContext)
        self.layer = layer
    }

    /// Before the first step.
    ///
    /// - Parameter x: the block's input, [T, hidden], wide.
    package func begin(_ x: Tensor) -> BlockState {
        var tape = Tape(records: false)
        return BlockState(residual: x, input: model.attentionInput(layer, Variable(constant: x), &tape).value)
    }

    /// Through the matrices of `step`. After the last one, `residual` is the block's output.
    package func advance(_ state: BlockState, through step: BlockStep, _ input: TokenInput) -> BlockState {
        var tape = Tape(records: false)
        let x = Variable(constant: state.residual), h = Variable(constant: state.input)
        switch step {
        case .attention:
            let (q, k, v) = model.queryKeyValue(layer, h, positions: input.positions, &tape)
            let attended = tape.apply(CausalAttention(model.attention, segments: input.segments), q, k, v)
            return BlockState(residual: state.residual, input: attended.value)
        case .attentionOutput:
            let middle = model.attentionOutput(layer, h, residual: x, &tape)
            return BlockState(residual: middle.value, input: model.gatesInput(layer, middle, &tape).value)
        case .gates:
            return BlockState(residual: state.residual, input: model.gated(layer, h, &tape).value)
        case .output:
            return BlockState(residual: model.output(layer, h, residual: x, &tape).value, input: Tensor([0], model.compute))
        }
    }
}

extension LlamaModel {
    /// The first block's input, [T, hidden], wide.
    package func embedded(_ tokens: [Int32]) -> Tensor {
        var tape = Tape(records: false)
        return embed(tokens, &tape).value
    }

    /// Negative log-likelihood at each position with a label, in order, from the last block's output, [T, hidden], wide.
    package func losses(ofBlocksOutput x: Tensor, labels: [Int32]) -> [Double] {
        var tape = Tape(records: false)
        return losses(ofHidden: normalise(Variable(constant: x), &tape).value, labels: labels)
    }
}
