import Autograd
import Foundation
import HealData
import Kernels
import Models
import TensorTrain

/// The model that a job trains.
extension HealingJob {
    /// The compressed model with its optimizer, from the checkpoint or freshly decomposed.
    func buildModel(
        _ prepared: Prepared, _ wish: @escaping @Sendable () -> Bool, _ stop: () -> Bool, _ watch: (JobEvent) throws -> Void
    ) throws -> (LlamaModel, AdamWOptimizer) {
        let c = configuration
        let pending = Set(prepared.plan.compressed.map(\.name)).subtracting(prepared.opened.layouts.keys)
        var weights = try prepared.opened.weights(leavingOut: pending)
        let isFresh = prepared.checkpoint == nil
        if isFresh, !weights.layouts.isEmpty {
            try weights.balanceCores(type: c.masterPrecision.type, stop: wish) { try watch(.decomposing($0)) }
            if stop() { return (LlamaModel(prepared.opened.configuration, weights, compute: .f32, longestContext: 1), emptyOptimizer) }
        }
        if !pending.isEmpty {
            try watch(.stage(.decomposing(matrices: pending.count)))
            let cache = cluster.isFirst ? decompositionCache : nil
            let results = try decompose(
                prepared.opened, prepared.plan, prepared.dataset, compute: prepared.compute, into: &weights, cache: cache, stop: wish,
                note: { try watch(.note($0)) }
            ) { try watch(.decomposing($0)) }
            if let warning = cache?.warning { try watch(.run(.warning(step: nil, message: warning))) }
            if stop() { return (LlamaModel(prepared.opened.configuration, weights, compute: .f32, longestContext: 1), emptyOptimizer) }
            if cluster.isFirst { try CompressedMatrix.write(results, to: c.outputPath(c.outputDirectory)) }
            try watch(.decomposed(results))
        }
        if isFresh { try shareLayouts(of: &weights) }
        let cores = Set(weights.layouts.keys.flatMap(weights.coreNames))
        for name in weights.names where c.trains(name, isCore: cores.contains(name)) {
            let tensor = weights.tensors[name]!, type = c.masterType(tensor.shape)
            weights.tensors[name] = tensor.dtype == type ? tensor.writable() : Elementwise.convert(tensor, to: type)
        }
        if isFresh { share(weights, names: weights.names.filter { c.trains($0, isCore: cores.contains($0)) }) }
        let tokens = c.perDeviceTrainBatchSize * prepared.summary.rowLength
        let model = LlamaModel(
            prepared.opened.configuration, weights, compute: prepared.compute, longestContext: prepared.summary.rowLength,
            trains: { c.trains($0, isCore: cores.contains($0)) },
            plan: { _, layout in Self.contraction(c.compression.plan, layout, tokens: tokens) },
            keepsRebuilt: prepared.plan.entries.reduce(0) { $0 + $1.denseCount } * prepared.compute.size < Self.rebuiltLimit)
        guard !model.trained.isEmpty else {
            throw HealError(.configuration, "nothing would be trained: no matrix is compressed and `trainable` names nothing")
        }
        var optimizer = c.makeOptimizer(model)
        if let checkpoint = prepared.checkpoint { try checkpoint.reader.restore(&optimizer, names: model.trained) }
        return (model, optimizer)
    }

    var decompositionCache: DecompositionCache {
        sharedCache ?? DecompositionCache(directory: configuration.outputPath(configuration.outputDirectory) + "/decomposition")
    }

    /// Where the configuration keeps decomposed matrices for other runs, if it does.
    package var sharedCache: DecompositionCache? {
        configuration.compression.cache.map { DecompositionCache(directory: configuration.outputPath($0), isShared: true) }
    }

    /// Rebuilt matrices are kept for a whole step as long as they take less than this; else one exists at a time.
    package static let rebuiltLimit = 2 << 30

    private var emptyOptimizer: AdamWOptimizer { AdamWOptimizer(shapes: [], beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0) }

    package static func contraction(_ plan: CompressionConfiguration.Plan, _ layout: MPOLayout, tokens: Int) -> ContractionPlan {
        switch plan {
        case .rebuild: .rebuild
        case .coreByCore:
            [.coreByCore(.leftToRight), .coreByCore(.rightToLeft)].min {
                $0.forwardCost(layout, tokens: tokens).flops < $1.forwardCost(layout, tokens: tokens).flops
            }!
        case .auto: .choose(layout: layout, tokens: tokens, keepsDense: true)
        }
    }
}

extension Configuration {
    /// Whether a tensor is trained: every core, and what `trainable` names.
    func trains(_ name: String, isCore: Bool) -> Bool { isCore || trainable.contains { $0.matches(name) } }

    /// What a trained tensor is kept in: vectors (norms, biases) are always wide.
    func masterType(_ shape: [Int]) -> DType { shape.count > 1 ? masterPrecision.type : .f32 }
}
