import Foundation
import Kernels
import Synchronization
import Testing
import TestSupport

@testable import Trainer

extension TrainingJobTests {
    /// What ends the steps of a run does not take them with it.
    @Suite(.serialized) struct SavedBeforeError {
        private struct Mishap: Error, CustomStringConvertible { let description = "no more" }

        /// Whatever fails, in a step's report or in an evaluation: the last step is saved, and the run goes on from there with the same bits.
        @Test(arguments: [(7, false), (10, true)]) func lastStepIsSaved(step: Int, inEvaluation: Bool) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try SmallJob(in: directory).withOutput("straight")
                _ = try straight.run()
                let job = straight.withOutput("failed")
                let error = #expect(throws: RunEndedError.self) {
                    try HealingJob(job.configuration).run { event in
                        switch event {
                        case .run(.step(let report)) where !inEvaluation && report.step == step: throw Mishap()
                        case .run(.evaluation(let report)) where inEvaluation && report.step == step: throw Mishap()
                        default: break
                        }
                    }
                }
                let ended = try #require(error)
                #expect(ended.reason is Mishap && ended.step == step && ended.savedStep == step && ended.saveError == nil)
                #expect(ended.description.contains("no more") && ended.description.contains("saved up to step \(step) in \(ended.checkpoint ?? "?")"))
                #expect(try job.checkpoints.last?.path == ended.checkpoint)
                let second = try job.run(resume: .latest)
                #expect(second.resumedStep == step && second.result.ending == .complete)
                #expect(try job.numbers().differences(from: straight.numbers()) == [])
            }
        }

        /// Older checkpoints stay where the newest may be of no use.
        @Test func noneIsRemoved() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                (job.configuration.saveSteps, job.configuration.saveTotalLimit) = (2, 2)
                _ = #expect(throws: RunEndedError.self) {
                    try HealingJob(job.configuration).run { if case .run(.step(let report)) = $0, report.step == 7 { throw Mishap() } }
                }
                #expect(try job.checkpoints.map(\.step) == [4, 6, 7])
            }
        }

        /// A row that is bad when it is drawn, not when the data are opened.
        @Test func rowThatGoesBad() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                let path = job.configuration.datasets[0].path
                let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                let error = #expect(throws: (any Error).self) {
                    try HealingJob(job.configuration).run { event in
                        guard case .run(.step(let report)) = event, report.step == 3 else { return }
                        // Of the same length, so that every row is where it was.
                        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                        try handle.write(contentsOf: Data(bytes.map { $0 == 0x0A ? 0x0A : 0x23 }))
                        try handle.close()
                    }
                }
                let ended = try #require(error as? RunEndedError)
                #expect(ended.step >= 3 && ended.savedStep == ended.step, "\(ended)")
                #expect(ended.description.contains(path))
            }
        }

        /// Weights that hold no numbers are not saved, and the last good checkpoint stays.
        @Test func stepThatIsNoNumber() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.evaluationSteps = nil
                job.configuration.saveSteps = 4
                let healing = HealingJob(job.configuration), prepared = try healing.prepare()
                let (model, optimizer) = try healing.buildModel(prepared, { false }, { false }, { _ in })
                let run = try HealingRun(
                    model: model, dataset: prepared.dataset, schedule: job.configuration.schedule(totalSteps: 24), optimizer: optimizer, progress: RunProgress(),
                    options: .init(rowsPerBatch: 1))
                let loop = HealingLoop(
                    job: healing, prepared: prepared, run: run, distillation: nil, files: RunFiles(), lock: nil, stop: { false },
                    emit: { event in
                        guard case .step(let report) = event, report.step == 6 else { return }
                        model.weights.tensors[model.trained[0]]!.base.f32[0] = .nan
                        model.parametersChanged()
                    }, debug: { _ in })
                let error = #expect(throws: RunEndedError.self) { try loop.finish() }
                let ended = try #require(error)
                #expect((ended.reason as? HealError)?.code == .diverged && ended.step == 6)
                #expect(ended.savedStep == 4 && ended.saveError?.contains("not saved") == true, "\(ended)")
                #expect(try job.checkpoints.map(\.step) == [4])
            }
        }

        /// A run that is stopped while it decomposes tells what it finds again.
        @Test func decomposedMatricesAreKept() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                let isDone = Flag()
                let result = try HealingJob(job.configuration).run(stop: { isDone.isSet }, watch: { if case .decomposing(let progress) = $0, progress.done == 3 { isDone.set() } })
                #expect(result.ending == .stopped(checkpoint: nil) && (3..<35).contains(result.keptMatrices), "\(result.keptMatrices)")
                #expect(try job.run(resume: .latest).result.ending == .complete)
            }
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
