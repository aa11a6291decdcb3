import Autograd
import Basics
import Cluster
import CShims
import Foundation
import HealData
import Kernels
import Logging
import Models

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
    /// What this machine computes in, and how fast.
    package var machine = ComputeChoice.Machine.own
    /// For what goes on inside; what a user should see goes to `watch`.
    package var log = Logger(label: "heal.job", factory: { _ in SwiftLogNoOpLogHandler() })

    package init(_ configuration: Configuration, resume: Resume = .no, allowedChanges: [String] = []) {
        self.configuration = configuration
        self.resume = resume
        self.allowedChanges = allowedChanges
    }

    /// Does the work. `wish` is asked often and ends the run at the next safe point; `watch` is told what happens, on the first rank.
    ///
    /// - Throws: `RunEndedError` where an error ended the steps: the last finished one is saved then, wherever that is possible.
    package func run(stop wish: @escaping @Sendable () -> Bool = { false }, watch: (JobEvent) throws -> Void) throws -> JobResult {
        try withoutActuallyEscaping(watch) { try work(wish, $0) }
    }

    private func work(_ wish: @escaping @Sendable () -> Bool, _ watcher: @escaping (JobEvent) throws -> Void) throws -> JobResult {
        let c = configuration
        let stop = StopVote(cluster, wish: wish).poll
        func watch(_ event: JobEvent) throws { if cluster.isFirst { try watcher(event) } }
        var refused: (any Error)?
        let prepared = try prepare { event in do { try watch(event) } catch { refused = error } }
        if let refused { throw refused }
        let directory = prepared.summary.outputDirectory
        if cluster.isFirst { try FileSystem.createDirectory(directory) }
        let lock = cluster.isFirst ? try RunLock(directory: directory) : nil
        defer { withExtendedLifetime(lock) {} }
        try watch(.planned(prepared.summary))
        for warning in prepared.opened.warnings { try watch(.run(.warning(step: nil, message: warning))) }
        let began = ContinuousClock.now
        func debug(_ text: @autoclosure () -> String) { self.debug(text(), since: began) }
        debug("loops for \(String(cString: heal_loops_instruction_set())), \(GEMM.hasFastBFloat16 ? "with" : "without") bf16 products")
        let resumedStep = prepared.checkpoint?.progress.step
        let files = cluster.isFirst ? try RunFiles(c, directory: directory, resumedStep: resumedStep) : RunFiles()
        if cluster.isFirst { try RunFacts.write(prepared, c, step: resumedStep ?? 0, to: directory) }
        func emit(_ event: RunEvent) throws {
            try files.record(event)
            try watch(.run(event))
        }
        if let warning = lock?.warning { try emit(.warning(step: nil, message: warning)) }
        if cluster.isFirst, prepared.checkpoint == nil { decompositionCache.keep(prepared.choice, products(prepared.opened.configuration)) }
        var progress = prepared.checkpoint?.progress ?? RunProgress()
        progress.begin(totalSteps: prepared.totalSteps, metric: c.bestMetric)
        progress.compute = prepared.choice
        var result = JobResult(
            ending: .stopped(checkpoint: nil), step: progress.step, totalSteps: prepared.totalSteps,
            denseParameters: prepared.plan.denseTotal, parameters: prepared.plan.total)
        func stopped() -> JobResult {
            result.keptMatrices = cluster.isFirst ? decompositionCache.count(of: prepared.plan.compressed.map(\.name)) : 0
            return result
        }

        guard try checkRows(prepared, stop, watch) else { return stopped() }
        // The dense model is looked at first, then let go.
        if progress.dense == nil, prepared.opened.layouts.isEmpty {
            try watch(.stage(.denseEvaluation))
            let dense = LlamaModel(
                prepared.opened.configuration, try prepared.opened.weights(), compute: prepared.compute, longestContext: prepared.summary.rowLength)
            progress.dense = try evaluate(dense, prepared, .dense, step: 0, stop, emitting: emit)
            if stop() { return stopped() }
            if c.sampleSteps != nil { try sample(dense, prepared.opened, .dense, step: 0, emitting: emit) }
        }
        Arena.shared.trim()
        debug("dense model evaluated")

        let (model, optimizer) = try buildModel(prepared, wish, stop, watch)
        if stop() { return stopped() }
        result.parameters = prepared.plan.settled(model.weights.layouts).total
        if cluster.isFirst { try RunFacts.settle(parameters: result.parameters, in: directory) }
        if progress.truncated == nil, progress.step == 0 {
            try watch(.stage(.truncatedEvaluation))
            let start = ContinuousClock.now
            progress.truncated = try evaluate(model, prepared, .truncated, step: 0, stop, emitting: emit)
            if progress.truncated != nil { progress.evaluationSeconds = (ContinuousClock.now - start) / .seconds(1) }
            if stop() { return stopped() }
            if c.sampleSteps != nil { try sample(model, prepared.opened, .truncated, step: 0, emitting: emit) }
        }

        if prepared.teacher != nil { try watch(.stage(.openingTeacher)) }
        let distillation = try distillation(prepared, model, &progress)
        for file in prepared.answers?.damaged ?? [] {
            try emit(.warning(step: progress.step, message: "\(file); it is left out, and the teacher is asked again. Remove the file"))
        }
        let run = try healingRun(prepared, model, optimizer, progress, distillation, emit)
        debug("model in memory: \(model.trained.count) trained tensors")
        try watch(.stage(.healing))
        let loop = HealingLoop(job: self, prepared: prepared, run: run, distillation: distillation, files: files, lock: lock, stop: stop, emit: emit, debug: { debug($0) })
        try loop.finish()
        loop.fill(&result)
        if result.ending == .complete { try export(prepared, model, &result, wish, watch) }
        try files.record(.end(EndReport(result, run.progress)))
        try files.close()
        try watch(.finished(result))
        return result
    }

    private func debug(_ text: @autoclosure () -> String, since began: ContinuousClock.Instant) {
        log.debug("\(text()); \(HumanFormat.bytes(ProcessMemory.resident ?? 0)) resident, \(HumanFormat.duration((ContinuousClock.now - began) / .seconds(1))) since the plan")
    }

    /// The run at the place where it goes on. Where other data than before are accepted and the place in them means nothing, their pass begins again.
    private func healingRun(
        _ prepared: Prepared, _ model: LlamaModel, _ optimizer: AdamWOptimizer, _ progress: RunProgress, _ distillation: Distillation?,
        _ emit: (RunEvent) throws -> Void
    ) throws -> HealingRun {
        let c = configuration
        func run(_ progress: RunProgress) throws -> HealingRun {
            try HealingRun(
                model: model, dataset: prepared.dataset, schedule: c.schedule(totalSteps: prepared.totalSteps), optimizer: optimizer, progress: progress,
                options: .init(
                    rowsPerBatch: c.perDeviceTrainBatchSize, accumulation: c.gradientAccumulationSteps, maxGradientNorm: c.maxGradientNorm,
                    checkpointing: c.gradientCheckpointing, epochs: prepared.epochs),
                distillation: distillation, cluster: cluster)
        }
        do { return try run(progress) } catch let error as DataError where error.code == .changedData && prepared.acceptsOtherData {
            var progress = progress
            progress.position?.restartEpoch()
            try emit(.warning(step: progress.step, message: "the data are others than before, so this pass over them begins again"))
            return try run(progress)
        }
    }
}
