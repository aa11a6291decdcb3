import Basics
import Cluster
import HealData
import Kernels
import Models
import Storage

/// The steps of a job, and what is due between them: reports, evaluations, samples, checkpoints.
///
/// However the steps end, what was trained is saved: at the end of the run, at a wish to stop, and before an error leaves.
final class HealingLoop {
    private let job: HealingJob
    private let prepared: HealingJob.Prepared
    private let run: HealingRun
    private let distillation: Distillation?
    private let files: RunFiles
    private let lock: RunLock?
    private let stop: () -> Bool
    private let emit: (RunEvent) throws -> Void
    private let debug: (String) -> Void
    private let checkpoints: CheckpointDirectory
    private let fingerprint: DataFingerprint
    /// What the newest checkpoint holds, and its path on the rank that wrote it.
    private var saved: (progress: RunProgress, path: String?)?

    private var c: Configuration { job.configuration }
    private var step: Int { run.progress.step }

    init(
        job: HealingJob, prepared: HealingJob.Prepared, run: HealingRun, distillation: Distillation?, files: RunFiles, lock: RunLock?, stop: @escaping () -> Bool,
        emit: @escaping (RunEvent) throws -> Void, debug: @escaping (String) -> Void
    ) {
        (self.job, self.prepared, self.run, self.distillation) = (job, prepared, run, distillation)
        (self.files, self.lock, self.stop, self.emit, self.debug) = (files, lock, stop, emit, debug)
        checkpoints = CheckpointDirectory(path: prepared.summary.outputDirectory)
        fingerprint = prepared.dataset.fingerprint
        saved = prepared.checkpoint.map { ($0.progress, $0.reader.path) }
    }

    /// Makes the steps that are left.
    func finish() throws {
        let spare = SpareDescriptors()
        do {
            try steps()
            if isUnsaved { try save() }
            try distillation?.flush()
        } catch {
            spare.release()
            throw ended(by: error)
        }
    }

    private func steps() throws {
        let energy = EnergyMeter()
        while true {
            let isOwed = run.progress.reviewedStep < step
            if isOwed, try !review() { return }
            if saved?.progress.step == step ? isOwed : isSaveDue { try save() }
            let start = energy.reading()
            guard !isComplete, let outcome = try run.step(stop: stop) else { return }
            if outcome.step % max(1, c.loggingSteps) == 0 || outcome.step == prepared.totalSteps { try report(outcome, joules: energy.joules(since: start)) }
        }
    }

    private var isStoppedEarly: Bool { c.earlyStoppingPatience.map { run.progress.evaluationsWithoutGain ?? 0 >= $0 } ?? false }
    private var isComplete: Bool { step >= prepared.totalSteps || isStoppedEarly }

    private func report(_ outcome: StepOutcome, joules: Double?) throws {
        try emit(.step(StepReport(
            step: outcome.step, totalSteps: prepared.totalSteps, epoch: run.progress.epochs(of: prepared.dataset), loss: outcome.loss, parts: outcome.parts,
            learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm, tokens: outcome.tokens, trainedTokens: outcome.trainedTokens,
            tokensPerSecond: Double(outcome.tokens) / max(outcome.seconds, 1e-9), seconds: outcome.seconds, memoryBytes: ProcessMemory.resident, joules: joules,
            exchangedBytes: job.cluster.isAlone ? nil : outcome.exchangedBytes)))
    }

    // MARK: Looking at the model

    /// Evaluation and sample that are due after the last step. A stop on the way leaves them to the resumed run.
    private func review() throws -> Bool {
        func isDue(_ every: Int?) -> Bool { every.map { step % max(1, $0) == 0 } ?? false }
        var evaluation: EvaluationResult?, seconds: Double?
        if isDue(c.evaluationSteps) || step == prepared.totalSteps {
            let start = ContinuousClock.now
            evaluation = try job.evaluate(run.model, prepared, .healing, step: step, stop, emitting: emit)
            seconds = (ContinuousClock.now - start) / .seconds(1)
            if evaluation == nil, stop() { return false }
        }
        if isDue(c.sampleSteps) { try job.sample(run.model, prepared.opened, .healing, step: step, emitting: emit) }
        run.record { progress in
            if let evaluation {
                progress.take(evaluation, judgedBy: c.bestMetric, threshold: c.earlyStoppingThreshold)
                progress.evaluationSeconds = seconds
            }
            progress.reviewedStep = progress.step
        }
        return true
    }

    // MARK: Saving

    /// After every `save_steps`, at the end, and where the model is better than ever before.
    private var isSaveDue: Bool { step > 0 && (step % max(1, c.saveSteps) == 0 || isComplete || run.progress.best?.step == step) }
    private var isUnsaved: Bool { step > saved?.progress.step ?? 0 }

    private func save() throws {
        try job.requireSameWeights(run.model, step: step)
        try distillation?.flush()
        for warning in prepared.answers?.takeWarnings() ?? [] { try emit(.warning(step: step, message: warning)) }
        if job.cluster.isFirst { try files.synchronize() }
        try write(keeping: c.saveTotalLimit)
    }

    /// Writes a checkpoint, on the rank that does.
    private func write(keeping limit: Int?) throws {
        guard job.cluster.isFirst else { return saved = (run.progress, nil) }
        try requireFinite()
        try lock?.requireNoOther()
        let start = ContinuousClock.now, isGone = lock?.isGone ?? false
        let writer = CheckpointWriter(
            configuration: c, opened: prepared.opened, model: run.model, optimizer: run.optimizer, progress: run.progress, fingerprint: fingerprint)
        let report = try checkpoints.save(
            step: step, keeping: limit, sparing: run.progress.best?.step, expectedBytes: writer.expectedBytes) { try writer.write(to: $0) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        saved = (run.progress, report.entry.path)
        run.record { $0.saveSeconds = seconds }
        job.decompositionCache.remove()
        debug("saved step \(step), \(HumanFormat.bytes(report.bytes))")
        for warning in report.warnings { try emit(.warning(step: step, message: "\(warning)")) }
        try emit(.checkpoint(CheckpointReport(
            step: step, path: report.entry.path, bytes: report.bytes, seconds: seconds)))
        if isGone { throw directoryGone }
    }

    private var directoryGone: StorageError {
        StorageError(
            .inputOutput, file: checkpoints.path,
            "was moved away or removed while the run was going on, with its metrics and earlier checkpoints; a new one was made for this step. "
                + "Put together what belongs together, and go on with --resume")
    }

    /// A model that holds no numbers any more is not worth keeping, and must not take the place of one that is.
    private func requireFinite() throws {
        for name in run.model.trained where !Finiteness.holds(run.model.weights.tensors[name]!) {
            throw HealError(.diverged, "step \(step): \(name) holds infinities or NaN, so this step is not saved. \(HealingRun.adviceOnDivergence)")
        }
    }

    /// Saves what an error would lose, without a word to other ranks, who may wait elsewhere.
    private func ended(by error: any Error) -> RunEndedError {
        var ended = RunEndedError(reason: error, step: step)
        if job.cluster.isFirst, isUnsaved {
            // None is removed: where the loss has diverged, an earlier one may be wanted.
            do { try write(keeping: nil) } catch {
                if isUnsaved { ended.saveError = "\(error)" }
            }
        }
        (ended.savedStep, ended.checkpoint) = (saved?.progress.step, saved?.path)
        return ended
    }

    /// How it ended.
    func fill(_ result: inout JobResult) {
        let progress = run.progress
        result.step = progress.step
        (result.dense, result.truncated, result.healed) = (progress.dense, progress.truncated, progress.latest)
        result.best = progress.best
        result.checkpoint = saved?.path
        result.rows = progress.position?.counters
        result.isStoppedEarly = isStoppedEarly && step < prepared.totalSteps
        result.ending = isComplete && progress.reviewedStep >= step ? .complete : .stopped(checkpoint: saved?.path)
    }
}
