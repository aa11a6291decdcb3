import HealData
import Kernels
import Models

extension HealingJob {
    /// Replaces the matrices of a plan in `weights` by cores, in the way that the configuration names.
    ///
    /// - Parameters:
    ///   - dataset: where rows to calibrate on come from; needed by `init` "activation" only.
    ///   - compute: the type of activations.
    ///   - cache: where finished matrices are kept for the case of a kill.
    ///   - note: is told where there is less to calibrate on than asked for.
    ///   - stop: asked often; afterwards `weights` are of no use, but what was finished is in the cache.
    package func decompose(
        _ opened: OpenedModel, _ plan: CompressionPlan, _ dataset: Dataset?, compute: DType, into weights: inout ModelWeights,
        cache: DecompositionCache? = nil, stop: @escaping @Sendable () -> Bool = { false }, note: (String) throws -> Void = { _ in }, progress: (DecompositionProgress) throws -> Void
    ) throws -> [Compressor.Result] {
        let c = configuration, type = c.masterPrecision.type
        switch c.compression.initialization {
        case .svd:
            return try Compressor(type: type, cache: cache).run(plan, from: opened.source, into: &weights, stop: stop, progress: progress)
        case .activation:
            let rows = try c.calibrationRows(opened, dataset)
            if let shortage = rows.shortage(c.compression.calibration) { try note(shortage) }
            let compressor = ActivationCompressor(
                opened, plan, rows: rows, options: c.compression.calibration, local: c.compression.local, compute: compute, type: type, cache: cache)
            return try compressor.run(into: &weights, stop: stop, progress: progress)
        }
    }
}
