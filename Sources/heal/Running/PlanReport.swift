import HealData
import Kernels
import Models
import TensorTrain
import Trainer

/// What a run would do, for `--dry-run`.
struct PlanReport {
    let summary: JobSummary
    let dataset: Dataset
    let compute: DType
    let configuration: Trainer.Configuration

    init(_ prepared: HealingJob.Prepared, _ configuration: Trainer.Configuration) {
        summary = prepared.summary
        dataset = prepared.dataset
        compute = prepared.compute
        self.configuration = configuration
    }

    func text() throws -> String {
        let c = configuration, tokens = c.perDeviceTrainBatchSize * c.maxSequenceLength
        let contraction = { (layout: MPOLayout) in HealingJob.contraction(c.compression.plan, layout, tokens: tokens) }
        let epoch = try dataset.plan(epochs: 1, rowsPerBatch: c.perDeviceTrainBatchSize)
        let costs = RunCosts(summary.configuration, summary.plan, configuration, compute: compute, epoch: epoch, contraction: contraction)
        let about = epoch.isExact ? "" : "about "
        let steps = max(1, (epoch.microBatches + c.gradientAccumulationSteps - 1) / c.gradientAccumulationSteps)
        let rate = GEMMRate.measured(compute)
        let seconds = costs.operationsPerStep * Double(summary.totalSteps) / rate
        return [
            JobText.header(summary, c), "",
            MatrixTable(summary.plan.entries).text(contraction: contraction),
            "other tensors (embedding, head, norms, biases): \(HumanFormat.grouped(summary.plan.otherCount)) parameters, not compressed", "",
            JobText.lines([
                (
                    "epoch",
                    "\(about)\(HumanFormat.grouped(steps)) steps, \(HumanFormat.grouped(epoch.tokens)) tokens, \(HumanFormat.grouped(epoch.trainedTokens)) of them trained"
                ),
                ("run", "\(HumanFormat.grouped(summary.totalSteps)) steps, about \(passes(steps)) passes over the data"),
                ("memory", "about \(HumanFormat.bytes(costs.bytes)): " + costs.parts.map { "\($0.name) \(HumanFormat.bytes($0.bytes))" }.joined(separator: ", ")),
                ("disk", "\(HumanFormat.bytes(costs.checkpointBytes)) a checkpoint, \(c.saveTotalLimit.map { "at most \($0)" } ?? "all") kept"),
                (
                    "time",
                    "at least \(HumanFormat.duration(seconds)) for the steps: \(HumanFormat.significant(costs.operationsPerStep / 1e9, digits: 3)) GFLOP each, "
                        + "at \(HumanFormat.significant(rate / 1e9, digits: 3)) GFLOP/s measured here"
                ),
            ]),
            "", "Nothing was computed or written.",
        ].joined(separator: "\n")
    }

    private func passes(_ stepsPerEpoch: Int) -> String {
        HumanFormat.significant(Double(summary.totalSteps) / Double(stepsPerEpoch), digits: 2)
    }
}

/// The speed of large products on this machine, now.
enum GEMMRate {
    /// Operations a second of a square product over all threads, the best of a few.
    static func measured(_ type: DType) -> Double {
        let n = 1024, a = Tensor.zeros([n, n], type), b = Tensor.zeros([n, n], type), c = Tensor.zeros([n, n], type.wide)
        var best = Double.infinity
        for _ in 0..<4 {
            let start = ContinuousClock.now
            GEMM.multiply(a, b, transposeB: true, into: c)
            best = min(best, (ContinuousClock.now - start) / .seconds(1))
        }
        return 2 * Double(n * n * n) / best
    }
}
