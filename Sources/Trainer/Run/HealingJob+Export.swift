import Basics
import Models
import Storage

/// What a run writes when it is through.
extension HealingJob {
    /// Exports the trained model, or the best checkpoint where the configuration asks for it; then the result speaks of that one.
    ///
    /// - Parameter wish: a wish to stop breaks the export off; a resumed run makes it again.
    func export(
        _ prepared: Prepared, _ model: LlamaModel, _ result: inout JobResult, _ wish: @escaping () -> Bool, _ watch: (JobEvent) throws -> Void
    ) throws {
        let best = configuration.loadBestModelAtEnd ? result.best : nil
        if let best { (result.healed, result.healedStep) = (best.result, best.step) }
        guard cluster.isFirst else { return }
        var bestModel: OpenedModel?
        if let best, best.step != result.step {
            guard let found = try openBest(best, watch) else {
                (result.healed, result.healedStep) = (nil, result.step)
                return try export(prepared.opened, model.weights, &result, wish, watch)
            }
            bestModel = found
            result.bestCheckpoint = found.path
        } else if best != nil {
            result.bestCheckpoint = result.checkpoint
        }
        try export(bestModel ?? prepared.opened, try bestModel?.weights() ?? model.weights, &result, wish, watch)
    }

    /// The best checkpoint; nil, after a warning, where it is not there any more.
    private func openBest(_ best: BestEvaluation, _ watch: (JobEvent) throws -> Void) throws -> OpenedModel? {
        let path = configuration.outputPath(configuration.outputDirectory) + "/" + CheckpointDirectory.fileName(step: best.step)
        guard FileSystem.kind(of: path) != nil else {
            try watch(.run(.warning(step: nil, message: "the best checkpoint, \(path), is not there any more; the last step stands in for it")))
            return nil
        }
        return try CheckpointReader(path).model()
    }

    private func export(
        _ opened: OpenedModel, _ weights: ModelWeights, _ result: inout JobResult, _ wish: @escaping () -> Bool, _ watch: (JobEvent) throws -> Void
    ) throws {
        guard let export = configuration.export, let target = configuration.exportDirectory else { return }
        try watch(.stage(.exporting))
        do {
            try JobExport.write(export, opened, weights, to: target) { _ in if cluster.isAlone, wish() { throw CancellationError() } }
        } catch is CancellationError {
            result.ending = .stopped(checkpoint: result.checkpoint)
            return
        }
        result.exportPath = target
        try watch(.exported(path: target))
    }
}
