import Autograd
import Kernels
import TestSupport
import Testing

@testable import Models

/// Block by block with one block's weights at a time is the whole model, bit for bit.
@Suite struct BlockRunnerTests {
    @Test(arguments: toyFamilies, [DType.f32] + (GEMM.hasFastBFloat16 ? [.bf16] : []))
    func equalsTheModel(family: String, compute: DType) throws {
        let golden = try ToyGolden(family), toy = try GoldenModel(family: family), model = toy.model(compute: compute)
        let input = TokenInput(packing: golden.ids)
        var x = model.embedded(input.tokens)
        for layer in 0..<toy.configuration.layers {
            var weights = ModelWeights()
            for (name, tensor) in toy.weights.tensors where name.hasPrefix(LlamaNames.block(layer) + ".") { weights.tensors[name] = tensor }
            let block = BlockRunner(toy.configuration, weights, layer: layer, compute: compute, longestContext: 64)
            var state = block.begin(x)
            for step in BlockStep.allCases {
                // What a step says its matrices are is what takes inputs of this width.
                for matrix in step.matrices {
                    #expect(weights.tensors["\(LlamaNames.block(layer)).\(matrix).weight"]!.rowCount == state.input.rowCount, "\(matrix)")
                }
                state = block.advance(state, through: step, input)
            }
            x = state.residual
        }
        var tape = Tape(records: false)
        let found = model.normalise(Variable(constant: x), &tape).value
        #expect(sameBits(found, model.hidden(input, &tape).value), "\(family), \(compute)")
        #expect(BlockStep.allCases.flatMap(\.matrices).sorted() == LlamaNames.matrices.sorted())
    }
}
