import ArgumentParser
import Autograd
import Foundation
import HealData
import Kernels
import Models
import TensorTrain
import Trainer

/// How the block matrices of a model are cut up.
struct MPOOptions: ParsableArguments {
    @Option(help: "Numbers in the cores of each matrix, as a share of its own.") var keep = 0.5
    @Option(help: "Cores of each matrix.") var cores = 2
    @Option(help: "balanced, or lowrank, whose cores are multiplied with one after the other.") var legs = Legs.balanced

    enum Legs: String, ExpressibleByArgument {
        case balanced, lowrank
    }

    /// What tells rows with other legs apart; the usual ones go without saying.
    var label: String { legs == .balanced ? "" : " \(legs.rawValue)" }

    fileprivate func plan(_ model: LlamaConfiguration) throws -> CompressionPlan {
        let layouts = try LlamaNames.matrixShapes(model).map { name, out, columns in
            let layout = try MPOLayout.holding(keep) {
                legs == .balanced ? try .balanced(out: out, in: columns, cores: cores, limit: $0) : try .lopsided(out: out, in: columns, inner: 1, limit: $0)
            }
            return (name, layout)
        }
        return try CompressionPlan(model, CompressionConfiguration(), present: Dictionary(uniqueKeysWithValues: layouts))
    }
}

/// What a step is taken with: the model, its form, and the shape of a batch.
struct StepOptions: ParsableArguments {
    @OptionGroup var mpo: MPOOptions
    @Argument(help: "A Hugging Face directory or GGUF file.") var model: String
    @Option(help: "fp32 or bf16.") var dtype = "fp32"
    @Option(help: "Rows of a batch; packed ones where rows are real.") var batch = 4
    @Option(help: "Tokens of a row.") var length = 512

    var type: DType { dtype == "bf16" ? .bf16 : .f32 }
    var tokens: Int { batch * length }
    /// The end of a row's name.
    var label: String { "\(batch) x \(length)\(mpo.label)" }

    /// - Parameter isNarrow: cores in bf16, moments in 8 bits.
    func subject(keepsRebuilt: Bool = true, isNarrow: Bool = false) throws -> BenchmarkModel {
        try BenchmarkModel(model, type: type, mpo, longestContext: length, tokens: tokens, keepsRebuilt: keepsRebuilt, isNarrow: isNarrow)
    }

    /// Random ids that are all labelled with the id after them; the same ones every time.
    func randomBatch(of model: LlamaModel) -> TokenBatch { .random(rows: batch, length: length, vocabulary: model.configuration.vocabularySize) }
}

/// A model whose block matrices are all MPOs, with gradients and optimizer: what a healing step works on.
final class BenchmarkModel {
    /// Last part of the path, for names of rows.
    let name: String
    let model: LlamaModel
    private let gradients: Gradients
    private var optimizer: AdamWOptimizer

    /// Decomposes the matrices of the model at `path`, a Hugging Face directory or GGUF file.
    ///
    /// - Parameters:
    ///   - tokens: what goes through at once, which decides how cores are contracted, as in training.
    ///   - isNarrow: cores in bf16, moments in 8 bits.
    init(
        _ path: String, type: DType, _ options: MPOOptions, longestContext: Int, tokens: Int, keepsRebuilt: Bool = true, isNarrow: Bool = false
    ) throws {
        name = URL(fileURLWithPath: path).lastPathComponent
        var (configuration, weights) = try Self.weights(path, type: type, options, isNarrow: isNarrow)
        let model = LlamaModel(
            configuration, weights, compute: type, longestContext: longestContext, trains: { $0.contains(".cores.") },
            plan: { _, layout in .choose(layout: layout, tokens: tokens, keepsDense: true) }, keepsRebuilt: keepsRebuilt)
        optimizer = AdamWOptimizer(
            shapes: model.trained.map { weights.tensors[$0]!.shape }, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0,
            precision: isNarrow ? .blockwise : .wide)
        gradients = model.makeGradients()
        self.model = model
        weights = ModelWeights()
        Arena.shared.trim()
    }

    /// The model at `path` with its block matrices as cores; dense where `options` is nil.
    static func weights(
        _ path: String, type: DType, _ options: MPOOptions?, isNarrow: Bool = false
    ) throws -> (configuration: LlamaConfiguration, weights: ModelWeights) {
        let files = try ModelFiles.open(path)
        var weights = ModelWeights()
        let matrices = options == nil ? [] : Set(LlamaNames.matrixShapes(files.configuration).map { $0.name + ".weight" })
        for (name, shape) in files.configuration.expectedWeights() where !matrices.contains(name) {
            weights.tensors[name] = Elementwise.convert(Tensor(try files.weights.floats(name), shape), to: shape.count > 1 ? type : .f32)
        }
        if let options {
            let plan = try options.plan(files.configuration)
            _ = try Compressor(type: isNarrow ? .bf16 : .f32).run(plan, from: files.weights, into: &weights)
        }
        return (files.configuration, weights)
    }

    /// One step on one micro-batch; its mean loss.
    func step(_ batch: TokenBatch, checkpointing: Bool = false) throws -> Double {
        var window = TrainingWindow(model, gradients: gradients, checkpointing: checkpointing)
        try window.add(batch)
        window.apply(&optimizer, learningRate: 1e-4, norm: window.gradientNorm(), maxNorm: 1)
        return window.meanLoss
    }
}
