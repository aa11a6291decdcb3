import Foundation

/// What happens in a run, told to whoever wants to know: sinks write it to files, the command line prints it.
///
/// Events are plain values and leave sideways: nothing that receives one can change the run.
package enum RunEvent: Sendable, Equatable {
    case step(StepReport)
    case evaluation(EvaluationReport)
    case checkpoint(CheckpointReport)
    /// Something the user should know that does not end the run. `step` is nil for what has nothing to do with a step.
    case warning(step: Int?, message: String)
    /// Text the model wrote.
    case sample(step: Int, stage: EvaluationReport.Stage = .healing, prompt: String, text: String)
    case end(EndReport)
}

/// What a loss with a teacher is mixed of, in nats.
package struct LossParts: Sendable, Equatable {
    /// Mean cross-entropy of the labelled tokens.
    package var crossEntropy: Double
    /// Mean Kullback-Leibler divergence from the teacher, times the square of the temperature.
    package var divergence: Double
}

/// One optimiser step.
package struct StepReport: Sendable, Equatable {
    /// The steps done, this one included; the first report says 1.
    package var step: Int
    package var totalSteps: Int
    /// Passes over the data so far.
    package var epoch: Double
    /// Mean loss of the trained tokens, in nats.
    package var loss: Double
    /// nil without a teacher.
    package var parts: LossParts?
    package var learningRate: Double
    /// Global norm of the gradients before they were cut.
    package var gradientNorm: Double
    /// Tokens of this step that went through the model, padding not counted.
    package var tokens: Int
    /// Those of them that carried a label.
    package var trainedTokens: Int
    package var tokensPerSecond: Double
    /// Duration of this step.
    package var seconds: Double
    /// Resident memory of the process in bytes; nil where the system does not say.
    package var memoryBytes: Int?
    /// What the machine's processors took for this step, in joules; nil where the system does not say.
    package var joules: Double?
    /// Bytes of gradients that each rank gave to the sum over all; nil where there is one rank only.
    package var exchangedBytes: Int?

    package init(
        step: Int, totalSteps: Int, epoch: Double = 0, loss: Double, parts: LossParts? = nil, learningRate: Double, gradientNorm: Double, tokens: Int, trainedTokens: Int,
        tokensPerSecond: Double, seconds: Double, memoryBytes: Int? = nil, joules: Double? = nil, exchangedBytes: Int? = nil
    ) {
        self.step = step
        self.totalSteps = totalSteps
        self.epoch = epoch
        self.loss = loss
        self.parts = parts
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.tokens = tokens
        self.trainedTokens = trainedTokens
        self.tokensPerSecond = tokensPerSecond
        self.seconds = seconds
        self.memoryBytes = memoryBytes
        self.joules = joules
        self.exchangedBytes = exchangedBytes
    }
}

/// The loss on rows never trained on.
package struct EvaluationReport: Sendable, Equatable {
    /// The steps done before.
    package var step: Int
    /// Which model was looked at.
    package var stage: Stage
    /// The text that was read; nil for the held-back rows.
    package var text: String?
    /// Mean loss of the labelled tokens, in nats.
    package var loss: Double
    package var rows: Int
    /// The labelled tokens.
    package var tokens: Int
    package var seconds: Double

    package var perplexity: Double { exp(loss) }

    package enum Stage: String, Sendable {
        /// The original model.
        case dense
        /// The decomposed model before the first step.
        case truncated
        /// The model in training.
        case healing
    }

    package init(step: Int, stage: Stage, text: String? = nil, loss: Double, rows: Int, tokens: Int, seconds: Double) {
        self.step = step
        self.stage = stage
        self.text = text
        self.loss = loss
        self.rows = rows
        self.tokens = tokens
        self.seconds = seconds
    }
}

/// A checkpoint that is safely on disk.
package struct CheckpointReport: Sendable, Equatable {
    package var step: Int
    package var path: String
    package var bytes: Int
    package var seconds: Double

    package init(step: Int, path: String, bytes: Int, seconds: Double) {
        self.step = step
        self.path = path
        self.bytes = bytes
        self.seconds = seconds
    }
}

/// How the steps of a run ended: by themselves, or by a wish to stop. A run that goes on later takes it back.
package struct EndReport: Sendable, Equatable {
    package enum Ending: String, Sendable {
        case complete
        /// Nothing got better for `early_stopping_patience` evaluations.
        case early
        case stopped
    }

    package var ending: Ending
    package var step: Int
    package var totalSteps: Int
    /// The step of the model that the run hands over, where the configuration asks for the best.
    package var resultStep: Int?
    /// Of all steps.
    package var tokens: Int
    package var seconds: Double
}

extension EndReport {
    init(_ result: JobResult, _ progress: RunProgress) {
        self.init(
            ending: result.ending != .complete ? .stopped : result.isStoppedEarly ? .early : .complete, step: result.step, totalSteps: result.totalSteps,
            resultStep: result.healedStep, tokens: progress.tokens, seconds: progress.seconds)
    }
}

/// Takes the events of one run, in their order, from one thread.
package protocol RunEventSink: AnyObject {
    func record(_ event: RunEvent) throws
    /// Brings what was recorded to the disk; called before a checkpoint is written, so that no file lags behind it.
    func synchronize() throws
    func close() throws
}
