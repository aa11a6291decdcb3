import Autograd
import Cluster
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
    /// The parts that a loss with a teacher is mixed of (`TrainingWindow`); nil without one.
    package var parts: LossParts?
    package var learningRate: Double
    /// Global norm of the mean gradient before clipping.
    package var gradientNorm: Double
    package var tokens: Int
    package var trainedTokens: Int
    package var seconds: Double
    /// Bytes of gradients that this rank gave to the sums over all ranks; 0 for one that is alone.
    package var exchangedBytes: Int
}

/// The training of a compressed model, step by step. Knows nothing of files or printing.
///
/// A step is a window of micro-batches: gradients are summed, divided once by the window's tokens, clipped, and applied. State changes only at
/// the end of a step, so a run stopped anywhere goes on from the last finished one with the same numbers.
///
/// With several ranks each takes its micro-batches of the window, and all apply the same sum to the same parameters.
package final class HealingRun {
    package let model: LlamaModel
    package let schedule: Schedule
    package private(set) var optimizer: AdamWOptimizer
    package private(set) var progress: RunProgress
    private let gradients: Gradients
    private let dataset: Dataset
    private let options: Options
    private let distillation: Distillation?
    private let cluster: any Communicator
    private let sumOrder: [Int]
    private var stream: BatchStream

    package struct Options: Sendable {
        package var rowsPerBatch: Int
        /// Micro-batches of a window on each rank.
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
        model: LlamaModel, dataset: Dataset, schedule: Schedule, optimizer: AdamWOptimizer, progress: RunProgress, options: Options,
        distillation: Distillation? = nil, cluster: any Communicator = Alone()
    ) throws {
        self.model = model
        self.dataset = dataset
        self.schedule = schedule
        self.optimizer = optimizer
        self.progress = progress
        self.options = options
        self.distillation = distillation
        self.cluster = cluster
        gradients = model.makeGradients()
        sumOrder = GradientExchange.order(model.trained)
        let shape = BatchShape(rowsPerBatch: options.rowsPerBatch, rank: cluster.rank, world: cluster.size)
        stream = try BatchStream(dataset, shape: shape, epochs: options.epochs, from: progress.position)
        self.progress.position = stream.position
        self.progress.ranks = cluster.size
    }

    /// One step; nil when `stop` asked to leave in the middle of the window, which then counts as never begun. At the end of the data the window is as long
    /// as there is data for.
    ///
    /// - Parameter stop: asked before each micro-batch. Of several ranks' it is one decision, made once a step, before the first.
    package func step(stop: () -> Bool = { false }) throws -> StepOutcome? {
        let start = ContinuousClock.now
        if stop() { return nil }
        var window = TrainingWindow(model, gradients: gradients, checkpointing: options.checkpointing, distillation: distillation)
        let exchange = GradientExchange(gradients, order: sumOrder, over: cluster)
        var batches: [TokenBatch] = []
        while batches.count < options.accumulation, let batch = try stream.next() { batches.append(batch) }
        guard !batches.isEmpty else { throw HealError(.data, "the training data ended") }
        window.announce(batches, over: cluster)
        for (number, batch) in batches.enumerated() {
            if number > 0, cluster.isAlone, stop() { return nil }
            let isLast = number == batches.count - 1
            try window.add(batch, completed: isLast && !cluster.isAlone ? { exchange.complete($0) } : nil)
        }
        exchange.finish()
        window.combine(over: cluster)
        let rate = schedule.rate(at: progress.step), norm = window.gradientNorm()
        guard norm.isFinite, window.meanLoss.isFinite else {
            throw HealError(
                .diverged, "step \(progress.step + 1): the loss is \(window.meanLoss) and the gradient norm \(norm). \(Self.adviceOnDivergence)")
        }
        window.apply(&optimizer, learningRate: rate, norm: norm, maxNorm: options.maxGradientNorm)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        progress.step += 1
        progress.tokens += window.tokens
        progress.trainedTokens += window.trainedTokens
        progress.seconds += elapsed
        progress.position = stream.position
        return StepOutcome(
            step: progress.step, loss: window.meanLoss,
            parts: window.meanDivergence.map { LossParts(crossEntropy: window.meanCrossEntropy, divergence: $0) }, learningRate: rate, gradientNorm: norm, tokens: window.tokens,
            trainedTokens: window.trainedTokens, seconds: elapsed, exchangedBytes: exchange.bytes)
    }

    static let adviceOnDivergence =
        "Go on with a lower learning_rate (--allow-changes learning_rate) or other data (--allow-changes data_seed), from an earlier checkpoint if need be"

    package func record(_ change: (inout RunProgress) -> Void) { change(&progress) }
}
