import Foundation
import Kernels
import Models

extension HealingJob {
    /// The products of a step.
    func products(_ model: LlamaConfiguration) -> ProductMix {
        ProductMix(model, tokens: configuration.perDeviceTrainBatchSize * configuration.rowLength(model), training: true)
    }

    /// What the run computes in: as it did so far, or what `dtype` asks for. The first rank chooses, all follow.
    ///
    /// - Parameter progress: of the checkpoint that the run goes on from.
    package func computeChoice(_ model: LlamaConfiguration, _ progress: RunProgress? = nil) throws -> ComputeChoice {
        let text = cluster.broadcast(cluster.isFirst ? try CheckpointWriter.json(chooseCompute(model, progress)) : nil)!
        let choice = try JSONDecoder().decode(ComputeChoice.self, from: Data(text.utf8))
        guard cluster.isFirst || choice.type == .f32 || machine.hasBFloat16 else {
            throw HealError(.configuration, "dtype: rank 0 computes in bf16, which the processor of rank \(cluster.rank) does not do; set \"fp32\"")
        }
        return choice
    }

    private func chooseCompute(_ model: LlamaConfiguration, _ progress: RunProgress?) throws -> ComputeChoice {
        let mix = products(model)
        if let progress { return try .make(configuration.dtype, mix, known: progress.compute ?? .unmeasured(on: machine), on: machine) }
        let kept = configuration.dtype == .auto ? decompositionCache.computeChoice(mix) : nil
        // What is kept for a machine that has gone is of no use here.
        return try .make(configuration.dtype, mix, known: kept.flatMap { $0.type == .f32 || machine.hasBFloat16 ? $0 : nil }, on: machine)
    }
}

extension HealingJob {
    /// What `heal compress` computes in: as what its cache holds was, where it has one.
    package func calibrationCompute(_ model: LlamaConfiguration) throws -> DType {
        guard configuration.compression.initialization == .activation else { return .f32 }
        let mix = ProductMix(model, tokens: CalibrationRows.batchTokens, training: false)
        let choice = try ComputeChoice.make(configuration.dtype, mix, known: configuration.dtype == .auto ? sharedCache?.computeChoice(mix) : nil, on: machine)
        sharedCache?.keep(choice, mix)
        return choice.type
    }
}
