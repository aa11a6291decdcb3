import Foundation
import Kernels
import Models
import TestSupport
import Testing

@testable import Trainer

@Suite struct OutputGradientsTests {
    private let opened: OpenedModel

    init() throws { opened = try OpenedModel.open(GoldenFiles.repository.appendingPathComponent("models/stories260K").path) }

    /// With one token the gradient by an output is that by a bias, which differences of the loss tell.
    @Test(arguments: ["self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"]) func squaresAreThoseOfTheGradient(matrix: String) throws {
        let name = "model.layers.1.\(matrix)", input = TokenInput([300]), labels: [Int32] = [77]
        var weights = try opened.weights()
        weights.tensors = weights.tensors.mapValues { Elementwise.convert($0, to: .f64) }
        let batch = CalibrationRows.Batch(input: input, labels: labels, count: 1)
        let found = try #require(try OutputGradients.gather(
            opened.configuration, weights, [batch], compute: .f64, checkpointing: false, stop: { false }, progress: { _ in }))
        let squares = try #require(found.squares[name])
        #expect(found.tokens == 1 && found.labelled == 1 && found.squares.count == 7 * opened.configuration.layers)
        func loss(_ row: Int, _ change: Double) -> Double {
            var changed = weights, bias = [Double](repeating: 0, count: squares.count)
            bias[row] = change
            changed.tensors[name + ".bias"] = Tensor(bias, [bias.count])
            return LlamaModel(opened.configuration, changed, compute: .f64, longestContext: 1).losses(input, labels: labels)[0]
        }
        for row in [0, 5, squares.count - 1] {
            let slope = (loss(row, 1e-5) - loss(row, -1e-5)) / 2e-5
            #expect(abs(squares[row] - slope * slope) <= 1e-5 * slope * slope + 1e-14, "row \(row): \(squares[row]), \(slope * slope)")
        }
    }

    @Test func tokensOutsideTheEmbeddingAreNamed() throws {
        let batch = CalibrationRows.Batch(input: TokenInput([5, 512]), labels: [512, -1], count: 2), weights = try opened.weights()
        let error = #expect(throws: HealError.self) {
            _ = try OutputGradients.gather(
                opened.configuration, weights, [batch], compute: .f32, checkpointing: false, stop: { false }, progress: { _ in })
        }
        #expect(error?.description.contains("512") == true)
    }

    /// Means over all tokens, the same whether blocks are computed once or twice.
    @Test func checkpointingChangesNothing() throws {
        let weights = try opened.weights()
        let batches = [[5, 80, 300, 41, 7], [9, 9, 120]].map { tokens in
            CalibrationRows.Batch(input: TokenInput(tokens.map { Int32($0) }), labels: tokens.dropFirst().map { Int32($0) } + [-1], count: tokens.count)
        }
        let found = try [false, true].map { checkpointing in
            try OutputGradients.gather(
                opened.configuration, weights, batches, compute: .f32, checkpointing: checkpointing, stop: { false }, progress: { _ in })
        }
        #expect(found[0] != nil && found[0] == found[1])
        #expect(found[0]!.tokens == 8 && found[0]!.labelled == 6)
        #expect(found[0]!.rise(error: 3) == 2)
        let stopped = try OutputGradients.gather(
            opened.configuration, weights, batches, compute: .f32, checkpointing: false, stop: { true }, progress: { _ in })
        #expect(stopped == nil)
    }
}
