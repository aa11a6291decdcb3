import Autograd
import Kernels
import TestSupport
import Testing

@testable import Models

/// Matrices that stay in the file's memory, in its type.
@Suite struct LentWeightsTests {
    private struct Owner: MemoryLender {
        let memory: Memory
        func takeBack(_ bytes: UnsafeRawBufferPointer) {}
    }

    /// The same numbers, forward and backward, whether matrices are held in float32 or read as bfloat16 at every use.
    @Test func giveTheSameNumbers() throws {
        let c = try configuration(configurationText())
        var state: UInt64 = 3
        var weights = ModelWeights()
        for (name, shape) in c.expectedWeights() {
            let values = (0..<shape.reduce(1, *)).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return (shape.count == 1 ? 1 : 0) + (Float(state >> 40) / Float(1 << 24) - 0.5) * 0.2
            }
            let narrow = Elementwise.convert(Tensor(values, shape), to: .bf16)
            weights.tensors[name] = Tensor(shape, .bf16, lentBy: Owner(memory: narrow.memory), UnsafeRawBufferPointer(start: narrow.base, count: narrow.byteCount))
        }
        let tokens: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
        func numbers(heldLimit: Int) -> (frozen: Tensor?, logits: [Float], cotangents: [[Float]]) {
            let seen = Seen()
            let model = LlamaModel(c, weights, compute: .f32, longestContext: 16, heldLimit: heldLimit) { _, cotangent in seen.all.append(cotangent.floats()) }
            var tape = Tape()
            let loss = model.loss(TokenInput(tokens), labels: Array(tokens.dropFirst()) + [-1], &tape)
            tape.backward(from: loss, cotangent: Tensor([1.0], [1]), into: model.makeGradients())
            return (model.frozenTensor("model.layers.0.mlp.up_proj.weight"), model.logits(TokenInput(tokens)).floats(), seen.all)
        }
        let held = numbers(heldLimit: .max), lent = numbers(heldLimit: 0)
        #expect(held.frozen?.dtype == .f32 && lent.frozen?.dtype == .bf16 && lent.frozen?.memory.isLent == true)
        #expect(held.logits == lent.logits && held.logits.allSatisfy(\.isFinite))
        #expect(held.cotangents == lent.cotangents && held.cotangents.count == c.layers * 7)
    }

    private final class Seen: @unchecked Sendable {
        var all: [[Float]] = []
    }
}
