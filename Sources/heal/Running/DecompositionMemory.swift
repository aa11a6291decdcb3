import Kernels
import Models
import TensorTrain
import Trainer

/// What the search for cores holds in memory: with rows to calibrate on it may be more than the training takes. Measured on the embedded model alone, so right
/// within a half.
struct DecompositionMemory {
    let parts: [(name: String, bytes: Int)]
    var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// nil where there is nothing to decompose.
    ///
    /// - Parameter available: tokens of the rows to calibrate on; nil where that is not known.
    init?(_ summary: JobSummary, _ c: Trainer.Configuration, besides costs: RunCosts, available: Int?) {
        let work = summary.plan.compressed.filter { !summary.present.contains($0.name) }
        guard !work.isEmpty else { return nil }
        let model = summary.configuration, size = summary.compute.type.size, options = c.compression.calibration
        let others = (summary.plan.otherCount + summary.plan.entries.reduce(0) { $0 + ($1.layout == nil ? $1.denseCount : 0) }) * size
        let cores = work.reduce(0) { $0 + $1.layout!.coreTotal } * c.masterPrecision.type.size, largest = work.map(\.denseCount).max()!
        let widest = max(model.hiddenSize, model.queryRows, model.intermediateSize)
        var held = [("weights", others + cores)]
        if c.compression.initialization == .activation {
            let choosing = c.compression.local.epochs > 0 || work.contains { $0.searchesLegs }
            let asked = options.tokens + (choosing ? options.heldOutTokens : min(options.heldOutTokens, 4096))
            let tokens = min(asked, available ?? asked), follows = options.prefix == .compressed
            // The stream and the inputs of the widest matrices, in the original and in the model that follows it; where that begins in the block.
            let walk = tokens * ((follows ? 2 : 1) * (4 * model.hiddenSize + size * widest) + (follows ? 4 * model.hiddenSize : 0))
            let block = summary.plan.denseTotal / max(1, model.layers) * size * (follows ? 2 : 1)
            // A pass forward and backward through the whole model comes before it, and is let go.
            let gradients = options.metric == .loss || work.contains { $0.sharesBudget }
                ? costs.activationBytes(tokens: min(tokens, options.tokens, 2048 + summary.rowLength)) + summary.plan.denseTotal * size : 0
            // Sums of products of inputs in double precision, over the rows to fit and over the others; then what fits take beside them.
            let moments = 8 * (follows ? 6 : 3) * widest * widest, fit = 40 * largest + 16 * widest * widest
            held.append(("calibration rows", max(walk + block + moments, gradients)))
            held.append(("fits", Self.workers(each: fit, summary) * fit))
        } else {
            held.append(("matrices at work", Self.workers(each: 20 * largest, summary) * 20 * largest))
        }
        held.append(("reserve", held.reduce(0) { $0 + $1.1 } / 12 + RunCosts.ownBytes))
        parts = held.map { (name: $0.0, bytes: $0.1) }
    }

    private static func workers(each bytes: Int, _ summary: JobSummary) -> Int {
        max(1, min(summary.threads, summary.plan.compressed.count, Compressor.workspace / max(1, bytes)))
    }
}
