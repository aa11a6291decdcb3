import Autograd
import Foundation
import HealData
import Kernels
import Models
import Trainer

/// A model whose block matrices are all MPOs, with gradients and optimizer: what a healing step works on.
final class BenchmarkModel {
    /// Last part of the path, for names of rows.
    let name: String
    let model: LlamaModel
    private let gradients: Gradients
    private var optimizer: AdamWOptimizer

    /// Decomposes the matrices of the model at `path`, a Hugging Face directory or GGUF file.
    ///
    /// - Parameter isNarrow: cores in bf16, moments in 8 bits.
    init(
        _ path: String, type: DType, keep: Double, cores: Int, longestContext: Int, keepsRebuilt: Bool = true, isNarrow: Bool = false
    ) throws {
        name = URL(fileURLWithPath: path).lastPathComponent
        let files = try ModelFiles.open(path)
        var weights = ModelWeights()
        let matrices = Set(LlamaNames.matrixShapes(files.configuration).map { $0.name + ".weight" })
        for (name, shape) in files.configuration.expectedWeights() where !matrices.contains(name) {
            weights.tensors[name] = Elementwise.convert(Tensor(try files.weights.floats(name), shape), to: shape.count > 1 ? type : .f32)
        }
        var compression = CompressionConfiguration()
        compression.cores = cores
        compression.keep = keep
        let plan = try CompressionPlan(files.configuration, compression)
        _ = try Compressor(type: isNarrow ? .bf16 : .f32).run(plan, from: files.weights, into: &weights)
        let model = LlamaModel(
            files.configuration, weights, compute: type, longestContext: longestContext, trains: { $0.contains(".cores.") },
            keepsRebuilt: keepsRebuilt)
        optimizer = AdamWOptimizer(
            shapes: model.trained.map { weights.tensors[$0]!.shape }, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0,
            precision: isNarrow ? .blockwise : .wide)
        gradients = model.makeGradients()
        self.model = model
        weights = ModelWeights()
        Arena.shared.trim()
    }

    /// One step on one micro-batch; its mean loss.
    func step(_ batch: TokenBatch, checkpointing: Bool = false) throws -> Double {
        var window = TrainingWindow(model, gradients: gradients, checkpointing: checkpointing)
        try window.add(batch)
        window.apply(&optimizer, learningRate: 1e-4, norm: window.gradientNorm(), maxNorm: 1)
        return window.meanLoss
    }
}
