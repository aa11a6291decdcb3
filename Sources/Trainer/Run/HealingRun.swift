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
        /// Passes after which the data ends; nil goes on forever.
        package var epochs: Double?

        package init(
            rowsPerBatch: Int, accumulation: Int = 1, maxGradientNorm: Double = 1, checkpointing: Bool = false, epochs: Double? = nil
        ) {
            self.rowsPerBatch = rowsPerBatch
            self.accumulation = accumulation
            self.maxGradientNorm = maxGradientNorm
            self.checkpointing = checkpointing
            self.epochs = epochs
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
        stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: options.rowsPerBatch), epochs: options.epochs, from: progress.position)
        self.progress.position = stream.position
    }

    /// One step; nil when `stop` asked to leave in the middle of the window, which then counts as never begun. At the end of the data the window is as long
    /// as there is data for.
    package func step(stop: () -> Bool = { false }) throws -> StepOutcome? {
        let start = ContinuousClock.now
        var window = TrainingWindow(model, gradients: gradients, checkpointing: options.checkpointing)
        for number in 0..<options.accumulation {
            if stop() { return nil }
            guard let batch = try stream.next() else {
                if number > 0 { break }
                throw HealError(.data, "the training data ended")
            }
            try window.add(batch)
        }
        let rate = schedule.rate(at: progress.step), norm = window.gradientNorm()
        guard norm.isFinite, window.lossSum.isFinite else {
            throw HealError(
                .diverged,
                "step \(progress.step + 1): the loss is \(window.meanLoss) and the gradient norm \(norm); "
                    + "lower learning_rate, or resume from the last checkpoint with another data_seed")
        }
        window.apply(&optimizer, learningRate: rate, norm: norm, maxNorm: options.maxGradientNorm)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        progress.step += 1
        progress.tokens += window.tokens
        progress.trainedTokens += window.trainedTokens
        progress.seconds += elapsed
        progress.position = stream.position
        return StepOutcome(
            step: progress.step, loss: window.meanLoss, learningRate: rate, gradientNorm: norm, tokens: window.tokens,
            trainedTokens: window.trainedTokens, seconds: elapsed)
    }

    package func record(_ change: (inout RunProgress) -> Void) { change(&progress) }
}
