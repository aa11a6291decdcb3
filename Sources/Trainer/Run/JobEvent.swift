import HealData
import Models

/// What a job tells whoever watches, in order.
package enum JobEvent: Sendable {
    /// The model is open and the plan is made; nothing has been computed.
    case planned(JobSummary)
    /// A stage of the work begins.
    case stage(JobStage)
    /// So many of the rows were read and found in order.
    case checking(rows: Int, of: Int)
    /// What is no mistake but should be known.
    case note(String)
    case decomposing(DecompositionProgress)
    case decomposed([Compressor.Result])
    /// A checkpoint newer than the one resumed from that failed its checks, and why.
    case invalidCheckpoint(path: String, reason: String)
    /// The run goes on from a checkpoint, where it stood so.
    case resumed(path: String, RunProgress)
    case run(RunEvent)
    case exported(path: String)
    case finished(JobResult)
}

/// A job before it starts: what it will do to what.
package struct JobSummary: Sendable {
    package var modelPath: String
    /// nil where nothing is learnt from a teacher.
    package var teacherPath: String?
    package var configuration: LlamaConfiguration
    package var plan: CompressionPlan
    /// Matrices of the plan that have their cores already.
    package var present: Set<String>
    package var compute: ComputeChoice
    /// Tokens of a row at most.
    package var rowLength: Int
    package var threads: Int
    package var ranks: Int
    package var files: [(path: String, format: String, rows: Int)]
    package var heldBackRows: Int
    /// nil where that depends on data that are not there.
    package var totalSteps: Int?
    /// What one checkpoint takes on disk.
    package var checkpointBytes: Int
    package var outputDirectory: String
}

/// How a job ended.
package struct JobResult: Sendable {
    package enum Ending: Sendable, Equatable {
        case complete
        /// The user asked to stop; the checkpoint to go on from, if a step had been made.
        case stopped(checkpoint: String?)
    }
    package var ending: Ending
    package var step: Int
    package var totalSteps: Int
    package var dense: EvaluationResult?
    package var truncated: EvaluationResult?
    package var healed: EvaluationResult?
    package var denseParameters: Int
    package var parameters: Int
    package var checkpoint: String?
    package var exportPath: String?
    /// The step that `healed` is of, where that is not the last.
    package var healedStep: Int?
    /// The best evaluation, where the configuration asks for it, and its checkpoint, where the result is of that.
    package var best: BestEvaluation?
    package var bestCheckpoint: String?
    /// Whether the run ended before its last step because nothing got better.
    package var isStoppedEarly = false
    /// Decomposed matrices that a run stopped before its first checkpoint finds again.
    package var keptMatrices = 0
    /// Rows read, cut and left out so far.
    package var rows: DataCounters?
}
