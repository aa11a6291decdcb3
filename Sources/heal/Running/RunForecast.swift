import Autograd
import Foundation
import HealData
import Kernels
import Models
import TensorTrain
import Trainer

/// How long each phase of a run takes, predicted from its products and from how fast this machine makes them. Meant to be right within a half.
struct RunForecast {
    let phases: [(name: String, seconds: Double)]
    private static let decomposition = "decomposition"

    /// What follows once all cores are found.
    var secondsAfterDecomposition: Double { phases.drop { $0.name != Self.decomposition }.dropFirst().reduce(0) { $0 + $1.seconds } }

    var text: String {
        "about \(HumanFormat.duration(seconds)): " + phases.map { "\($0.name) \(HumanFormat.duration($0.seconds))" }.joined(separator: ", ")
    }

    var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }

    /// Bytes written in a second, with checksums and the way to the disk.
    private static let writing = 400e6

    /// - Parameters:
    ///   - steps: to be made.
    ///   - rate: of products in the type of activations; `wide`: in float32.
    init(_ costs: RunCosts, _ summary: JobSummary, _ c: Trainer.Configuration, steps: Int, sampleTokens: Double, isFresh: Bool, rate: CostModel, wide: CostModel) {
        let work = PhaseWork(costs, summary, c, sampleTokens: sampleTokens, rate: rate, wide: wide)
        let first = isFresh && c.maxSteps != 0
        let evaluations = DueWork.count(every: c.evaluationSteps, of: steps) + (first ? 1 : 0)
        let saves = DueWork.count(every: c.saveSteps, of: steps)
        var phases: [(String, Double)] = []
        if first {
            phases.append(("dense evaluation", work.evaluation(dense: true)))
            phases.append((Self.decomposition, work.decomposition))
        }
        phases.append(("\(evaluations) \(evaluations == 1 ? "evaluation" : "evaluations")", Double(evaluations) * work.evaluation(dense: false)))
        phases.append(("\(HumanFormat.grouped(steps)) steps", Double(steps) * costs.secondsPerStep(rate)))
        phases.append(("\(saves) \(saves == 1 ? "checkpoint" : "checkpoints")", Double(saves) * Double(summary.checkpointBytes) / Self.writing))
        if let export = c.export {
            let parameters = export.target == .hf ? summary.plan.denseTotal : summary.plan.total
            phases.append(("export", Double(parameters * (export.dtype == .bf16 ? 2 : 4)) / Self.writing))
        }
        self.phases = phases.map { (name: $0.0, seconds: $0.1) }
    }
}

extension RunForecast {
    /// Runs of fewer operations are soon over; to time products for them is not worth it.
    private static let long = 3e13

    /// The forecast for a run that takes minutes; nil for others. Nothing is known of the rows yet: micro-batches are taken to be full.
    static func ofLongRun(_ summary: JobSummary, _ c: Trainer.Configuration, resumedStep: Int?) -> RunForecast? {
        guard let total = summary.totalSteps else { return nil }
        let tokens = c.perDeviceTrainBatchSize * summary.rowLength, steps = max(0, total - (resumedStep ?? 0)), type = summary.compute.type
        let costs = RunCosts(
            summary.configuration, summary.plan, c, compute: type, epoch: EpochPlan(microBatches: 1, tokens: tokens, trainedTokens: tokens, isExact: false)
        ) { HealingJob.contraction(c.compression.plan, $0, tokens: tokens) }
        let calibration = resumedStep == nil ? 12 * Double(summary.plan.denseTotal) * Double(c.compression.calibration.tokens) : 0
        guard costs.operationsPerStep * Double(steps) + calibration > long else { return nil }
        let rate = CostModel.measured(type)
        return RunForecast(
            costs, summary, c, steps: steps, sampleTokens: Double(summary.rowLength) / 2, isFresh: resumedStep == nil, rate: rate,
            wide: type == .f32 ? rate : .measured(.f32))
    }
}

/// What the phases before and between the steps compute.
private struct PhaseWork {
    private let costs: RunCosts
    private let summary: JobSummary
    private let c: Trainer.Configuration
    private let sampleTokens: Double
    private let rate, wide: CostModel

    init(_ costs: RunCosts, _ summary: JobSummary, _ c: Trainer.Configuration, sampleTokens: Double, rate: CostModel, wide: CostModel) {
        (self.costs, self.summary, self.c, self.sampleTokens, self.rate, self.wide) = (costs, summary, c, sampleTokens, rate, wide)
    }

    /// Seconds of one evaluation of the held-back rows and the texts, over all ranks.
    func evaluation(dense: Bool) -> Double {
        // As many as there may be, where nothing is known of the data.
        let rows = summary.files.isEmpty ? c.evaluationMaxRows ?? 0 : min(summary.heldBackRows, c.evaluationMaxRows ?? .max)
        let texts = Double(c.evaluationTexts.count) * Double(c.evaluationMaxRows ?? 0) * Double(summary.rowLength)
        return forward(dense: dense, tokens: Double(rows) * sampleTokens / Double(summary.ranks) + texts)
    }

    private func forward(dense: Bool, tokens: Double) -> Double {
        let beside = costs.otherForward * rate.operation + RunCosts.touches / 3 * costs.activationElements * rate.moved
        let pass = (dense ? costs.denseForward : costs.forward).reduce(beside) { $0 + rate.seconds($1) }
        return pass * tokens / Double(max(1, costs.tokensPerPass))
    }

    /// Seconds until all cores are found. What is in the cache already is not looked at.
    var decomposition: Double {
        let matrices = summary.plan.compressed
        guard c.compression.initialization == .activation else {
            // A Gram matrix and its eigenvectors, of the nearly square matrix between two cores: 4 n^3 at the rate of products, as measured.
            return matrices.reduce(0) { $0 + 4 * pow(Double($1.denseCount), 1.5) } * wide.operation
        }
        let options = c.compression.calibration, sharing = matrices.contains(where: \.sharesBudget)
        let choosing = c.compression.local.epochs > 0 || matrices.contains { $0.searchesLegs }
        let tokens = Double(options.tokens + (choosing ? options.heldOutTokens : min(options.heldOutTokens, 4096)))
        let models = options.prefix == .compressed ? 2.0 : 1.0
        var seconds = models * forward(dense: true, tokens: tokens) + models * moments(tokens)
        if options.metric == .loss || sharing { seconds += 3 * forward(dense: true, tokens: Double(min(options.tokens, 8192))) }
        if sharing {
            let curve = Double(min(options.tokens, 16_384))
            seconds += forward(dense: true, tokens: curve) + moments(curve) + singularValues(matrices)
        }
        seconds += singularValues(matrices) + (choosing ? sweeps(matrices) : 0)
        // Reading, checksums and sums beside the products: half as much again, as measured.
        return 1.5 * seconds + Double(c.compression.local.epochs) * 3 * forward(dense: true, tokens: Double(options.tokens))
    }

    /// Sums of x x^T over the tokens: query, key and value share one, gate and up another.
    private func moments(_ tokens: Double) -> Double {
        let m = summary.configuration, sides = [m.hiddenSize, m.queryRows, m.hiddenSize, m.intermediateSize].map { Double($0) }
        return Double(m.layers) * sides.reduce(0) { $0 + 2 * $1 * $1 * tokens } * wide.operation
    }

    /// A factor of the inputs, the matrix times it, and the eigenvectors of the smaller side, which run at a fraction of the rate of products.
    private func singularValues(_ matrices: [CompressionPlan.Entry]) -> Double {
        matrices.reduce(0) { sum, entry in
            let (rows, columns) = (Double(entry.out), Double(entry.in)), least = min(rows, columns)
            return sum + 4 * rows * columns * columns + columns * columns * columns + 9 * least * least * least * 4
        } * wide.operation
    }

    /// Sweeps over the cores of several layouts: products with the inputs' moments.
    private func sweeps(_ matrices: [CompressionPlan.Entry]) -> Double {
        matrices.reduce(0) { $0 + 100 * 2 * Double($1.denseCount) * Double($1.in) } * wide.operation
    }
}
