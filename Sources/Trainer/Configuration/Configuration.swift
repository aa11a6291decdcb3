import Basics
import HealData
import Kernels

/// Everything a run is told: what `heal --config FILE` reads, what a checkpoint stores.
///
/// Keys have the names that users of Hugging Face know. Defaults are those of `transformers.TrainingArguments` unless the
/// comment says otherwise ("HF" below).
package struct Configuration: Sendable {
    // MARK: What it is
    /// What this file is, the command to run it and what to expect; free text, no effect.
    package var description = OneOrMore<String>()

    // MARK: Model
    /// A Hugging Face directory, a GGUF file, an `mpo` export or a checkpoint. Required.
    package var model = ""
    /// A directory or file to take the tokenizer from; nil means from the model.
    package var tokenizer: String?
    /// The chat template; nil picks it from the model.
    package var chatTemplate: ChatTemplate.Name?

    // MARK: Data
    /// At least one. Required.
    package var datasets: [DatasetConfiguration] = []
    /// Tokens of a row; longer samples are cut. nil: `rowLength(_:)` of the model.
    package var maxSequenceLength: Int?
    /// Put several samples into one row, without attention across them. (HF: off.)
    package var packing = true
    /// Train on the user's tokens too, not on the assistant's only.
    package var trainOnPrompt = false
    package var onBadLine = BadLinePolicy.error
    /// Rows held back for evaluation: a share of all below 1, a number of rows from 1 on.
    package var validationSize = 0.01

    // MARK: Optimisation
    /// Rows of one micro-batch.
    package var perDeviceTrainBatchSize = 8
    /// Micro-batches of one step.
    package var gradientAccumulationSteps = 1
    /// (HF: 5e-5.)
    package var learningRate = 2e-4
    package var learningRateScheduler = Schedule.Shape.linear
    /// Steps of linear warm-up. At most one of this and the ratio is above 0.
    package var warmupSteps: Int?
    /// Share of all steps that are warm-up, rounded up.
    package var warmupRatio: Double?
    /// Where cosine and linear end, as a share of `learningRate`.
    package var minLearningRateRatio = 0.0
    /// Passes over the data. Without effect where `maxSteps` is set, as in Hugging Face. (HF: 3.)
    package var trainEpochs = 1.0
    /// Steps in all; nil (or -1) leaves it to `trainEpochs`.
    package var maxSteps: Int?
    package var weightDecay = 0.0
    package var adamBeta1 = 0.9
    package var adamBeta2 = 0.999
    package var adamEpsilon = 1e-8
    /// The global norm gradients are cut to; 0 does not cut.
    package var maxGradientNorm = 1.0
    package var optimizer = OptimizerName.adamw
    package var coreLearningRate = CoreLearningRate.balanced
    /// What `weightDecay` shrinks: the cores, or their products.
    package var decay = AdamWOptimizer.Decay.cores
    package var gauge = GaugeHandling.free
    /// Steps between balancings of the gauge; nil is `defaultGaugeSteps`.
    package var gaugeSteps: Int?
    /// What cores and other trained matrices are kept in between updates.
    package var masterPrecision = MasterPrecision.fp32
    package var dtype = Precision.auto
    /// Keep one input a layer and compute the rest again for the backward pass.
    package var gradientCheckpointing = false
    /// Weights to train besides the cores.
    package var trainable: [NamePattern] = []
    package var compression = CompressionConfiguration()
    package var distillation = DistillationConfiguration()

    // MARK: Run
    package var outputDirectory = "runs/heal"
    /// Steps between evaluations; nil evaluates before and after the training only.
    package var evaluationSteps: Int?
    /// Held-back rows that an evaluation looks at; nil means all.
    package var evaluationMaxRows: Int? = 256
    /// Files of plain text, of other domains than the data, that evaluations look at too: what is forgotten shows there.
    package var evaluationTexts: [String] = []
    /// Steps between checkpoints. (HF: 500.)
    package var saveSteps = 100
    /// Checkpoints to keep; nil keeps all. (HF: all.)
    package var saveTotalLimit: Int? = 3
    /// Keep the best checkpoint besides the last ones, and make the result and the export of it.
    package var loadBestModelAtEnd = false
    /// What evaluations are compared by; nil is the loss on held-back rows, where anything asks for the best.
    package var metricForBestModel: String?
    /// nil: not for names that end with "loss".
    package var greaterIsBetter: Bool?
    /// Evaluations without a gain after which the run ends; nil goes on. (HF: a parameter of `EarlyStoppingCallback`, as the next.)
    package var earlyStoppingPatience: Int?
    /// What counts as a gain is better by more than this.
    package var earlyStoppingThreshold = 0.0
    /// Steps between entries of the metrics. (HF: 500.)
    package var loggingSteps = 10
    /// Steps between samples of text; nil writes none.
    package var sampleSteps: Int?
    package var samplePrompt = "Tell me a short story."
    package var reportTo: [ReportTarget] = [.jsonl, .tensorboard]
    package var seed = 42
    /// The seed of the order of the data; nil takes `seed`.
    package var dataSeed: Int?
    /// Worker threads; 0 takes all cores. The numbers do not depend on it.
    package var threads = 0
    /// A checkpoint to go on from, or "latest" for the newest valid one of the output directory.
    package var resumeFromCheckpoint: String?
    /// What to write when the run is through.
    package var export: ExportConfiguration?

    /// Where this came from; no part of the configuration's value.
    package var origin = Origin()

    package init() {}
}

extension Configuration {
    package enum OptimizerName: String, SettingChoice {
        case adamw
        case adamw8bit = "adamw_8bit"
    }

    package enum GaugeHandling: String, SettingChoice {
        /// As the updates leave it.
        case free
        /// Balanced again every few steps, with the moments.
        case balance
    }

    package enum Precision: String, SettingChoice {
        /// The one in which this machine does the model's products faster (`ComputeChoice`).
        case auto
        case bf16, fp32
    }

    package enum MasterPrecision: String, SettingChoice {
        case fp32
        /// Half the memory. Updates are rounded at random, so that in the mean the smallest of them counts.
        case bf16

        package var type: DType { self == .bf16 ? .bf16 : .f32 }
    }

    package enum ReportTarget: String, SettingChoice { case jsonl, tensorboard }

    /// The file a configuration was read from, and the lines of its keys.
    package struct Origin: Sendable {
        /// As the user named it.
        package var file = ""
        /// The place of each key, by its dotted path.
        package var positions: [String: JSON.Position] = [:]
        package init() {}
    }
}

extension Schedule.Shape: SettingChoice {}
extension CoreLearningRate: SettingChoice {}
extension AdamWOptimizer.Decay: SettingChoice {}
extension ChatTemplate.Name: SettingChoice {}
extension BadLinePolicy: SettingChoice {}
