import Autograd
import Cluster
import Foundation
import HealData
import Kernels
import Models

/// The arithmetic of one optimizer step: micro-batches summed, divided once by the labelled tokens of the whole window, clipped, applied.
package struct TrainingWindow {
    private let model: LlamaModel
    private let gradients: Gradients
    private let checkpointing: Bool
    /// Sum of the losses of labelled tokens so far, in nats.
    package private(set) var lossSum = 0.0
    package private(set) var trainedTokens = 0
    package private(set) var tokens = 0

    /// - Parameter gradients: accumulators of the model, reused from window to window.
    package init(_ model: LlamaModel, gradients: Gradients, checkpointing: Bool = false) {
        self.model = model
        self.gradients = gradients
        self.checkpointing = checkpointing
        gradients.reset()
    }

    /// - Parameter completed: told of each parameter whose gradient this batch was the last to add to.
    /// - Throws: when the batch holds a token that the model has no embedding for.
    package mutating func add(_ batch: TokenBatch, completed: ((Int) -> Void)? = nil) throws(HealError) {
        guard batch.trainedTokens > 0 else { return }
        try Self.check(batch.tokens, model)
        let (input, labels) = Self.shaped(batch)
        var tape = Tape()
        // Before a window's first backward pass the memory of the gradients is free.
        let loss = model.loss(input, labels: labels, &tape, checkpointing: checkpointing, spare: gradients.bytesToCome)
        tape.backward(from: loss, cotangent: Tensor([1.0], [1]), into: gradients, completed: completed)
        lossSum += loss.value.base.f64[0]
        trainedTokens += batch.trainedTokens
        tokens += batch.tokens.count
    }

    /// Adds up what the ranks have counted, in their order, so that all have the window's numbers. Gradients travel by themselves (`GradientExchange`).
    package mutating func combine(over cluster: any Communicator) {
        let counts = cluster.gather([lossSum, Double(trainedTokens), Double(tokens)])
        lossSum = counts.reduce(0) { $0 + $1[0] }
        trainedTokens = counts.reduce(0) { $0 + Int($1[1]) }
        tokens = counts.reduce(0) { $0 + Int($1[2]) }
    }

    /// Mean loss a labelled token, in nats; 0 for a window without any.
    package var meanLoss: Double { trainedTokens > 0 ? lossSum / Double(trainedTokens) : 0 }

    /// Global norm of the mean gradient. Parameters are summed in their order.
    package func gradientNorm() -> Double {
        guard trainedTokens > 0 else { return 0 }
        return Stopwatch.time("global norm") { gradients.trainedIndices.reduce(0.0) { $0 + Elementwise.sumOfSquares(gradients[$1]) } }.squareRoot() / Double(trainedTokens)
    }

    /// Applies the window; one without labelled tokens changes nothing.
    package func apply(_ optimizer: inout AdamWOptimizer, learningRate: Double, norm: Double, maxNorm: Double) {
        guard trainedTokens > 0 else { return }
        Stopwatch.time("AdamW") {
            optimizer.update(
                model.trained.map { model.weights.tensors[$0]! }, gradients: { gradients[$0] }, learningRate: learningRate,
                gradientScale: GradientClip.factor(norm: norm, limit: maxNorm) / Double(trainedTokens))
        }
        model.parametersChanged()
    }

    /// Throws where a token is outside the model's vocabulary: the tokenizer is another model's.
    package static func check(_ tokens: [Int32], _ model: LlamaModel) throws(HealError) {
        let size = model.configuration.vocabularySize
        if let bad = tokens.first(where: { $0 < 0 || Int($0) >= size }) {
            throw HealError(.data, "token id \(bad) is outside the model's vocabulary of \(size); the tokenizer does not belong to this model; check the key \"tokenizer\", or the tokenizer files beside the model")
        }
    }

    /// A batch as the model takes it: the number of tokens rounded up, so that few shapes occur and compiled products are used again. What is
    /// added is a sample of its own without labels.
    static func shaped(_ batch: TokenBatch) -> (input: TokenInput, labels: [Int32]) {
        let missing = (16 - batch.tokens.count % 16) % 16
        var input = TokenInput(tokens: batch.tokens, positions: batch.positions, segments: batch.segments)
        var labels = batch.labels
        if missing > 0 {
            input.tokens += [Int32](repeating: 0, count: missing)
            input.positions += (0..<missing).map(Int32.init)
            input.segments.append(input.tokens.count)
            labels += [Int32](repeating: Sample.ignoredLabel, count: missing)
        }
        return (input, labels)
    }
}
