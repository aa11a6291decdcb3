import Autograd
import HealData
import Kernels
import Models
import TensorTrain
import Trainer

/// What a run would do, for `--dry-run`.
struct PlanReport {
    private let outline: JobOutline
    private let configuration: Trainer.Configuration
    private var summary: JobSummary { outline.summary }

    init(_ outline: JobOutline, _ configuration: Trainer.Configuration) {
        self.outline = outline
        self.configuration = configuration
    }

    func text() throws -> String {
        let c = configuration, tokens = c.perDeviceTrainBatchSize * summary.rowLength
        let contraction = { (layout: MPOLayout) in HealingJob.contraction(c.compression.plan, layout, tokens: tokens) }
        let epoch = try outline.dataset?.plan(epochs: 1, rowsPerBatch: c.perDeviceTrainBatchSize)
        // Full micro-batches where nothing is known of the rows.
        let assumed = EpochPlan(microBatches: 1, tokens: tokens, trainedTokens: tokens, isExact: false)
        let costs = RunCosts(summary.configuration, summary.plan, c, compute: outline.compute, epoch: outline.course ?? assumed, contraction: contraction)
        let model = CostModel.measured(outline.compute)
        let passSeconds = Dictionary(zip(summary.plan.entries.map(\.name), costs.matrices.map(model.seconds))) { first, _ in first }
        var lines = epoch.map { [("epoch", words($0)), ("run", run)] } ?? [("run", "of full micro-batches, as far as nothing is known of the rows")]
        lines.append(("memory", "about \(HumanFormat.bytes(costs.bytes)): \(parts(costs.parts))"))
        lines += decomposing(costs, epoch)
        lines += [
            ("disk", disk),
            ("time", time(costs, epoch, model)),
            ("", "\(HumanFormat.significant(costs.operationsPerStep / 1e9, digits: 3)) GFLOP a step, large products at \(HumanFormat.significant(1e-9 / model.operation, digits: 3)) GFLOP/s; "
                + "a pass is one matrix forward and backward with \(HumanFormat.grouped(costs.tokensPerPass)) tokens; predicted from products timed here"),
        ]
        return ([JobText.header(summary, c), "", MatrixTable(summary.plan.entries).text(contraction: contraction) { passSeconds[$0.name] ?? 0 }]
            + sharing + [
                "other tensors (embedding, head, norms, biases): \(HumanFormat.grouped(summary.plan.otherCount)) parameters, not compressed", "",
                JobText.lines(lines), "",
            ] + missing + ["Nothing was computed or written."]).joined(separator: "\n")
    }

    private func parts(_ parts: [(name: String, bytes: Int)]) -> String { parts.map { "\($0.name) \(HumanFormat.bytes($0.bytes))" }.joined(separator: ", ") }

    private var disk: String {
        let isProvisional = outline.progress == nil && summary.plan.isProvisional, kept = configuration.mostCheckpoints.map { "at most \($0)" } ?? "all"
        return "\(isProvisional ? "about " : "")\(HumanFormat.bytes(summary.checkpointBytes)) a checkpoint, \(kept) kept"
    }

    /// The memory before the first step, where there is something to decompose.
    private func decomposing(_ costs: RunCosts, _ epoch: EpochPlan?) -> [(String, String)] {
        let available = configuration.compression.calibration.datasets.isEmpty ? epoch?.tokens : nil
        guard outline.progress == nil, let memory = DecompositionMemory(summary, configuration, besides: costs, available: available) else { return [] }
        return [("", "about \(HumanFormat.bytes(memory.bytes)) before that, while matrices are decomposed: \(parts(memory.parts)); right within a half")]
    }

    /// What is provisional in the table.
    private var sharing: [String] {
        let shared = summary.plan.entries.filter(\.sharesBudget)
        guard !shared.isEmpty else { return [] }
        let total = shared.reduce(0) { $0 + $1.parameterCount }, least = HumanFormat.percent(ParameterBudget.leastShare)
        return [
            "\(shared.count) matrices share \(HumanFormat.grouped(total)) parameters, which calibration spreads over them: each gets from \(least) of what stands "
                + "here to as many as it has uncompressed. Together they get no more than that, and less by what makes no whole rank"
        ]
    }

    private var missing: [String] {
        outline.missing.isEmpty ? [] : ["Not looked at:"] + outline.missing.map { "  \($0)" } + [""]
    }

    private func words(_ epoch: EpochPlan) -> String {
        "\(epoch.isExact ? "" : "about ")\(HumanFormat.grouped(steps(epoch))) steps, "
            + "\(HumanFormat.grouped(epoch.tokens)) tokens computed, \(HumanFormat.grouped(epoch.trainedTokens)) of them trained"
    }

    private func steps(_ epoch: EpochPlan) -> Int {
        let window = configuration.gradientAccumulationSteps * summary.ranks
        return max(1, (epoch.microBatches + window - 1) / window)
    }

    private var run: String {
        let total = summary.totalSteps ?? 0, done = outline.progress.map { ", \(HumanFormat.grouped($0.step)) of them done" } ?? ""
        let passes = HumanFormat.significant(outline.course?.passes ?? 0, digits: 3)
        return "\(HumanFormat.grouped(total)) steps\(done), \(configuration.maxSteps == nil ? "" : "about ")\(passes) passes over the data"
    }

    private func time(_ costs: RunCosts, _ epoch: EpochPlan?, _ model: CostModel) -> String {
        guard let total = summary.totalSteps else { return "about \(HumanFormat.duration(costs.secondsPerStep(model))) a step" }
        let rows = outline.dataset.map { max(1, $0.mixture.drawsPerEpoch) }
        let forecast = RunForecast(
            costs, summary, configuration, steps: max(0, total - (outline.progress?.step ?? 0)),
            sampleTokens: rows.flatMap { rows in epoch.map { Double($0.tokens) / Double(rows) } } ?? Double(summary.rowLength),
            isFresh: outline.progress == nil, rate: model, wide: outline.compute == .f32 ? model : .measured(.f32))
        return forecast.text
    }
}
