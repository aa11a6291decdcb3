import Autograd
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
        let model = CostModel.measured(compute)
        let passSeconds = Dictionary(zip(summary.plan.entries.map(\.name), costs.matrices.map(model.seconds))) { first, _ in first }
        let seconds = costs.secondsPerStep(model) * Double(summary.totalSteps)
        let rate = HumanFormat.significant(1e-9 / model.operation, digits: 3)
        let work = "\(HumanFormat.significant(costs.operationsPerStep / 1e9, digits: 3)) GFLOP each, large products at \(rate) GFLOP/s; "
            + "a pass is one matrix forward and backward with \(HumanFormat.grouped(costs.tokensPerPass)) tokens; predicted from products timed here"
        return [
            JobText.header(summary, c), "",
            MatrixTable(summary.plan.entries).text(contraction: contraction) { passSeconds[$0.name] ?? 0 },
            "other tensors (embedding, head, norms, biases): \(HumanFormat.grouped(summary.plan.otherCount)) parameters, not compressed", "",
            JobText.lines([
                (
                    "epoch",
                    "\(about)\(HumanFormat.grouped(steps)) steps, \(HumanFormat.grouped(epoch.tokens)) tokens, \(HumanFormat.grouped(epoch.trainedTokens)) of them trained"
                ),
                ("run", "\(HumanFormat.grouped(summary.totalSteps)) steps, about \(passes(steps)) passes over the data"),
                ("memory", "about \(HumanFormat.bytes(costs.bytes)): " + costs.parts.map { "\($0.name) \(HumanFormat.bytes($0.bytes))" }.joined(separator: ", ")),
                ("disk", "\(HumanFormat.bytes(costs.checkpointBytes)) a checkpoint, \(c.saveTotalLimit.map { "at most \($0)" } ?? "all") kept"),
                ("time", "at least \(HumanFormat.duration(seconds)) for the steps: " + work),
            ]),
            "", "Nothing was computed or written.",
        ].joined(separator: "\n")
    }

    private func passes(_ stepsPerEpoch: Int) -> String {
        HumanFormat.significant(Double(summary.totalSteps) / Double(stepsPerEpoch), digits: 2)
    }
}
