import Autograd
import Foundation
import HealData
import Kernels
import Models

/// What one optimizer step did.
package struct StepOutcome: Sendable {
    /// Updates done, this one included.
    package var step: Int
    /// Mean loss a labelled token over the window, in nats.
    package var loss: Double
    package var learningRate: Double
    /// Global norm of the mean gradient before clipping.
    package var gradientNorm: Double
    package var tokens: Int
    package var trainedTokens: Int
    package var seconds: Double
}

/// The training of a compressed model, step by step. Knows nothing of files or printing.
///
/// A step is a window of micro-batches: gradients are summed, divided once by the window's labelled tokens, clipped, and applied. State changes only at
/// the end of a step, so a run stopped anywhere goes on from the last finished one with the same numbers.
package final class HealingRun {
    package let model: LlamaModel
    package let schedule: Schedule
    package private(set) var optimizer: AdamWOptimizer
    package private(set) var progress: RunProgress
    private let gradients: Gradients
    private let dataset: Dataset
    private let options: Options
    private var stream: BatchStream

    package struct Options: Sendable {
        package var rowsPerBatch: Int
        package var accumulation: Int
        package var maxGradientNorm: Double
        package var checkpointing: Bool

        package init(rowsPerBatch: Int, accumulation: Int = 1, maxGradientNorm: Double = 1, checkpointing: Bool = false) {
            self.rowsPerBatch = rowsPerBatch
            self.accumulation = accumulation
            self.maxGradientNorm = maxGradientNorm
            self.checkpointing = checkpointing
        }
    }

    package init(
        model: LlamaModel, dataset: Dataset, schedule: Schedule, optimizer: AdamWOptimizer, progress: RunProgress, options: Options
    ) throws {
        self.model = model
        self.dataset = dataset
        self.schedule = schedule
        self.optimizer = optimizer
        self.progress = progress
        self.options = options
        gradients = model.makeGradients()
        stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: options.rowsPerBatch), from: progress.position)
        self.progress.position = stream.position
    }

    /// One step; nil when `stop` asked to leave in the middle of the window, which then counts as never begun.
    package func step(stop: () -> Bool = { false }) throws -> StepOutcome? {
        let start = ContinuousClock.now
        gradients.reset()
        var lossSum = 0.0, trained = 0, tokens = 0
        for _ in 0..<options.accumulation {
            if stop() { return nil }
            guard let batch = try stream.next() else { throw HealError(.data, "the training data ended") }
            guard batch.trainedTokens > 0 else { continue }
            let (input, labels) = Self.shaped(batch)
            var tape = Tape()
            let loss = model.loss(input, labels: labels, &tape, checkpointing: options.checkpointing)
            tape.backward(from: loss, cotangent: Tensor([1.0], [1]), into: gradients)
            lossSum += loss.value.base.f64[0]
            trained += batch.trainedTokens
            tokens += batch.tokens.count
        }
        let rate = schedule.rate(at: progress.step)
        var norm = 0.0
        if trained > 0 {
            norm = gradients.trainedIndices.reduce(0.0) { $0 + Elementwise.sumOfSquares(gradients[$1]) }.squareRoot() / Double(trained)
            guard norm.isFinite, lossSum.isFinite else {
                throw HealError(
                    .diverged,
                    "step \(progress.step + 1): the loss is \(lossSum / Double(trained)) and the gradient norm \(norm); "
                        + "lower learning_rate, or resume from the last checkpoint with another data_seed")
            }
            let clip = GradientClip.factor(norm: norm, limit: options.maxGradientNorm)
            optimizer.update(
                model.trained.map { model.weights.tensors[$0]! }, gradients: { gradients[$0] }, learningRate: rate,
                gradientScale: clip / Double(trained))
            model.parametersChanged()
        }
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        progress.step += 1
        progress.tokens += tokens
        progress.trainedTokens += trained
        progress.seconds += elapsed
        progress.position = stream.position
        return StepOutcome(
            step: progress.step, loss: trained > 0 ? lossSum / Double(trained) : 0, learningRate: rate, gradientNorm: norm, tokens: tokens,
            trainedTokens: trained, seconds: elapsed)
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

    package func record(_ change: (inout RunProgress) -> Void) { change(&progress) }
}
