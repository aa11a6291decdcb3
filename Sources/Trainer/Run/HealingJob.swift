import Autograd
import CShims
import Cluster
import Foundation
import HealData
import Kernels
import Logging
import Models
import Storage
import TensorTrain

/// The whole work of `heal train`: open, decompose what is still dense, heal, checkpoint, evaluate, export.
package struct HealingJob: Sendable {
    package enum Resume: Sendable, Equatable {
        case no
        /// The newest valid checkpoint of the output directory.
        case latest
        case checkpoint(String)
    }

    package var configuration: Configuration
    package var resume: Resume
    /// Keys whose change since the checkpoint is accepted although it alters the trajectory.
    package var allowedChanges: [String]
    /// The processes that do the work together. All of them run the same job; the first alone writes files and tells what happens.
    package var cluster: any Communicator = Alone()
    /// For what goes on inside; what a user should see goes to `watch`.
    package var log = Logger(label: "heal.job", factory: { _ in SwiftLogNoOpLogHandler() })

    package init(_ configuration: Configuration, resume: Resume = .no, allowedChanges: [String] = []) {
        self.configuration = configuration
        self.resume = resume
        self.allowedChanges = allowedChanges
    }

    /// Does the work. `wish` is asked often and ends the run at the next safe point; `watch` is told what happens, on the first rank.
    package func run(stop wish: @escaping @Sendable () -> Bool = { false }, watch watcher: (JobEvent) throws -> Void) throws -> JobResult {
        let c = configuration
        let stop = StopVote(cluster, wish: wish).poll
        func watch(_ event: JobEvent) throws { if cluster.isFirst { try watcher(event) } }
        var refused: (any Error)?
        let prepared = try prepare { event in do { try watch(event) } catch { refused = error } }
        if let refused { throw refused }
        try watch(.planned(prepared.summary))
        let began = ContinuousClock.now
        func debug(_ text: @autoclosure () -> String) {
            log.debug("\(text()); \(HumanFormat.bytes(ProcessMemory.resident ?? 0)) resident, \(HumanFormat.duration((ContinuousClock.now - began) / .seconds(1))) since the plan")
        }
        debug("loops for \(String(cString: heal_loops_instruction_set())), \(GEMM.hasFastBFloat16 ? "with" : "without") bf16 products")
        let directory = prepared.summary.outputDirectory
        if cluster.isFirst { try FileSystem.createDirectory(directory) }
        let lock = cluster.isFirst ? try RunLock(directory: directory) : nil
        defer { withExtendedLifetime(lock) {} }
        let sinks = cluster.isFirst ? try Sinks(c, directory: directory, resumedStep: prepared.checkpoint?.progress.step) : Sinks()
        func emit(_ event: RunEvent) throws {
            try sinks.record(event)
            try watch(.run(event))
        }
        var progress = prepared.checkpoint?.progress ?? RunProgress()
        progress.totalSteps = prepared.totalSteps
        var result = JobResult(
            ending: .stopped(checkpoint: nil), step: progress.step, totalSteps: prepared.totalSteps,
            denseParameters: prepared.plan.denseTotal, parameters: prepared.plan.total)

        // The dense model is looked at first, then let go.
        if progress.dense == nil, prepared.opened.layouts.isEmpty {
            try watch(.stage("evaluating the dense model"))
            let dense = LlamaModel(
                prepared.opened.configuration, try prepared.opened.weights(), compute: prepared.compute, longestContext: c.maxSequenceLength)
            progress.dense = try evaluate(dense, prepared, .dense, step: 0, stop, emitting: emit)
            if stop() { return result }
            if c.sampleSteps != nil { try sample(dense, prepared.opened, .dense, step: 0, emitting: emit) }
        }
        Arena.shared.trim()
        debug("dense model evaluated")

        let (model, optimizer) = try buildModel(prepared, wish, stop, watch)
        if stop() { return result }
        result.parameters = prepared.plan.settled(model.weights.layouts).total
        if progress.truncated == nil, progress.step == 0 {
            try watch(.stage("evaluating the truncated model"))
            progress.truncated = try evaluate(model, prepared, .truncated, step: 0, stop, emitting: emit)
            if stop() { return result }
            if c.sampleSteps != nil { try sample(model, prepared.opened, .truncated, step: 0, emitting: emit) }
        }

        if prepared.teacher != nil { try watch(.stage("opening the teacher")) }
        let distillation = try distillation(prepared, model, &progress)
        for file in prepared.answers?.damaged ?? [] {
            try emit(.warning(step: progress.step, message: "\(file); it is left out, and the teacher is asked again. Remove the file"))
        }
        let run = try HealingRun(
            model: model, dataset: prepared.dataset, schedule: c.schedule(totalSteps: prepared.totalSteps), optimizer: optimizer, progress: progress,
            options: .init(
                rowsPerBatch: c.perDeviceTrainBatchSize, accumulation: c.gradientAccumulationSteps, maxGradientNorm: c.maxGradientNorm,
                checkpointing: c.gradientCheckpointing, epochs: prepared.epochs),
            distillation: distillation, cluster: cluster)
        let fingerprint = prepared.dataset.fingerprint
        let checkpoints = CheckpointDirectory(path: directory)
        /// The new checkpoint's path; nil on a rank that does not write it.
        func save() throws -> String? {
            try requireSameWeights(model, step: run.progress.step)
            try distillation?.flush()
            guard cluster.isFirst else { return nil }
            try sinks.synchronize()
            let start = ContinuousClock.now
            let writer = CheckpointWriter(
                configuration: c, opened: prepared.opened, model: model, optimizer: run.optimizer, progress: run.progress, fingerprint: fingerprint)
            let report = try checkpoints.save(
                step: run.progress.step, keeping: c.saveTotalLimit, expectedBytes: writer.expectedBytes) { try writer.write(to: $0) }
            decompositionCache.remove()
            debug("saved step \(run.progress.step), \(HumanFormat.bytes(report.bytes))")
            for warning in report.warnings { try emit(.warning(step: run.progress.step, message: "\(warning)")) }
            try emit(.checkpoint(CheckpointReport(
                step: run.progress.step, path: report.entry.path, bytes: report.bytes, seconds: (ContinuousClock.now - start) / .seconds(1))))
            return report.entry.path
        }

        /// Evaluation and sample that are due after the last step. A stop on the way leaves them to the resumed run.
        func review() throws -> Bool {
            let step = run.progress.step, last = step == prepared.totalSteps
            func isDue(_ every: Int?) -> Bool { every.map { step % max(1, $0) == 0 } ?? false }
            if isDue(c.evaluationSteps) || last {
                if let found = try evaluate(model, prepared, .healing, step: step, stop, emitting: emit) {
                    run.record { $0.latest = found }
                } else if stop() {
                    return false
                }
            }
            if isDue(c.sampleSteps) { try sample(model, prepared.opened, .healing, step: step, emitting: emit) }
            run.record { $0.reviewedStep = step }
            return true
        }

        debug("model in memory: \(model.trained.count) trained tensors")
        try watch(.stage("healing"))
        let energy = EnergyMeter()
        var saved: (step: Int, path: String?)? = prepared.checkpoint.map { ($0.progress.step, $0.reader.path) }
        while true {
            let step = run.progress.step
            let isOwed = run.progress.reviewedStep < step
            if isOwed, try !review() { break }
            let isSaved = saved?.step == step
            if isSaved ? isOwed : step > 0 && (step % max(1, c.saveSteps) == 0 || step == prepared.totalSteps) { saved = (step, try save()) }
            let start = energy.reading()
            guard step < prepared.totalSteps, let outcome = try run.step(stop: stop) else { break }
            if outcome.step % max(1, c.loggingSteps) == 0 || outcome.step == prepared.totalSteps {
                try emit(.step(StepReport(
                    step: outcome.step, totalSteps: prepared.totalSteps, epoch: Self.epochs(run.progress.position, prepared.dataset),
                    loss: outcome.loss, parts: outcome.parts, learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm, tokens: outcome.tokens,
                    trainedTokens: outcome.trainedTokens, tokensPerSecond: Double(outcome.tokens) / max(outcome.seconds, 1e-9),
                    seconds: outcome.seconds, memoryBytes: ProcessMemory.resident, joules: energy.joules(since: start), exchangedBytes: cluster.isAlone ? nil : outcome.exchangedBytes)))
            }
        }
        if run.progress.step > saved?.step ?? 0 { saved = (run.progress.step, try save()) }
        try distillation?.flush()
        result.step = run.progress.step
        (result.dense, result.truncated, result.healed) = (run.progress.dense, run.progress.truncated, run.progress.latest)
        result.checkpoint = saved?.path
        result.rows = run.progress.position?.counters
        if run.progress.step < prepared.totalSteps || run.progress.reviewedStep < run.progress.step {
            result.ending = .stopped(checkpoint: saved?.path)
        } else {
            result.ending = .complete
            if cluster.isFirst, let export = c.export, let target = c.exportDirectory {
                try watch(.stage("exporting"))
                try JobExport.write(export, prepared.opened, model.weights, to: target)
                result.exportPath = target
                try watch(.exported(path: target))
            }
        }
        try sinks.close()
        try watch(.finished(result))
        return result
    }

    /// The compressed model with its optimizer, from the checkpoint or freshly decomposed.
    private func buildModel(
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
            try watch(.stage("decomposing \(pending.count) matrices"))
            let results = try decompose(
                prepared.opened, prepared.plan, prepared.dataset, compute: prepared.compute, into: &weights,
                cache: cluster.isFirst ? decompositionCache : nil, stop: wish
            ) { try watch(.decomposing($0)) }
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
        for pattern in c.trainable where !weights.names.contains(where: { pattern.matches($0) }) {
            throw HealError(.configuration, "trainable: \"\(pattern.text)\" matches no weight of this model; names look like model.norm.weight")
        }
        let tokens = c.perDeviceTrainBatchSize * c.maxSequenceLength
        let model = LlamaModel(
            prepared.opened.configuration, weights, compute: prepared.compute, longestContext: c.maxSequenceLength,
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

    private var decompositionCache: DecompositionCache {
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

    /// Passes over the data so far. Samples that are read but still wait to be packed do not count.
    private static func epochs(_ position: DataPosition?, _ dataset: Dataset) -> Double {
        guard let position else { return 0 }
        return Double(position.epoch) + Double(position.sampleIndex - position.waiting.count) / Double(max(1, dataset.mixture.drawsPerEpoch))
    }

    // MARK: Looking at the model

    private func evaluate(
        _ model: LlamaModel, _ prepared: Prepared, _ stage: EvaluationReport.Stage, step: Int, _ stop: () -> Bool,
        emitting emit: (RunEvent) throws -> Void
    ) throws -> EvaluationResult? {
        let rows = configuration.perDeviceTrainBatchSize
        var start = ContinuousClock.now
        func report(_ found: EvaluationResult, text: String? = nil) throws {
            try emit(.evaluation(EvaluationReport(
                step: step, stage: stage, text: text, loss: found.loss, rows: found.rows, tokens: found.tokens,
                seconds: (ContinuousClock.now - start) / .seconds(1))))
            start = .now
        }
        guard var found = try Evaluation.run(model, prepared.dataset, rowsPerBatch: rows, maxRows: configuration.evaluationMaxRows, stop: stop)
        else { return nil }
        try report(found)
        for text in prepared.texts {
            guard let ofText = try Evaluation.run(model, text, rowsPerBatch: rows, stop: stop) else { return nil }
            try report(ofText, text: text.name)
            found.texts = (found.texts ?? [:]).merging([text.name: ofText]) { $1 }
        }
        return found
    }

    /// Text after the sample prompt. A prompt that this model cannot be given is a warning: the run is not about it.
    private func sample(
        _ model: LlamaModel, _ opened: OpenedModel, _ stage: EvaluationReport.Stage, step: Int, emitting emit: (RunEvent) throws -> Void
    ) throws {
        guard cluster.isFirst else { return }
        let c = configuration, prompt: [Int32]
        do {
            let encoder = SampleEncoder(
                tokenizer: opened.tokenizer, template: try opened.chatTemplate(forced: c.chatTemplate.flatMap { ChatTemplate.Name(rawValue: $0.rawValue) }),
                maxLength: c.maxSequenceLength)
            prompt = try encoder.encodePrompt([Turn(.user, c.samplePrompt)])
        } catch {
            return try emit(.warning(step: step, message: "no sample was taken: \(error)"))
        }
        var sampling = Sampling()
        let ends = Set(opened.configuration.endOfSequence.map { Int32($0) } + [opened.tokenizer.special.eos].compactMap { $0 })
        let text = Generation.run(model, prompt: prompt, maxTokens: 48, ends: ends, sampling: &sampling)
        try emit(.sample(step: step, stage: stage, prompt: c.samplePrompt, text: opened.tokenizer.decodeString(text)))
    }
}

extension Configuration {
    /// Whether a tensor is trained: every core, and what `trainable` names.
    func trains(_ name: String, isCore: Bool) -> Bool { isCore || trainable.contains { $0.matches(name) } }

    /// What a trained tensor is kept in: vectors (norms, biases) are always wide.
    func masterType(_ shape: [Int]) -> DType { shape.count > 1 ? masterPrecision.type : .f32 }
}

/// The files that record a run's events.
private struct Sinks {
    private var sinks: [any RunEventSink] = []

    /// None: for ranks that write nothing.
    init() {}

    init(_ c: Configuration, directory: String, resumedStep: Int?) throws {
        if c.reportTo.contains(.jsonl) { sinks.append(try MetricsFile(path: directory + "/metrics.jsonl", resumedStep: resumedStep)) }
        if c.reportTo.contains(.tensorboard) { sinks.append(try TensorBoardFile(directory: directory + "/tensorboard", resumedStep: resumedStep)) }
    }

    func record(_ event: RunEvent) throws { for sink in sinks { try sink.record(event) } }
    func synchronize() throws { for sink in sinks { try sink.synchronize() } }
    func close() throws { for sink in sinks { try sink.close() } }
}
