import Foundation
import Storage
import Testing
import TestSupport

@testable import Trainer

@Suite struct BestEvaluationTests {
    private struct Golden: Decodable {
        struct Step: Decodable { let best: Double, best_step: Int, count: Int, stops: Bool }
        struct Case: Decodable { let values: [Double], greater_is_better: Bool, patience: Int, threshold: Double, steps: [Step] }
        let cases: [Case]
    }

    /// The best and the count of evaluations without a gain, as transformers has them: `Tests/Golden/training/best.json`.
    @Test func asInTransformers() throws {
        let cases = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: GoldenFiles.repository.appendingPathComponent("Tests/Golden/training/best.json"))).cases
        #expect(cases.count == 18)
        for (number, item) in cases.enumerated() {
            let metric = BestMetric("eval_loss", greaterIsBetter: item.greater_is_better)
            var progress = RunProgress()
            for (value, expected) in zip(item.values, item.steps) {
                progress.step += 1
                progress.take(EvaluationResult(loss: value, tokens: 1, rows: 1), judgedBy: metric, threshold: item.threshold)
                #expect(progress.best?.value == expected.best && progress.best?.step == expected.best_step, "case \(number), step \(progress.step)")
                #expect(progress.evaluationsWithoutGain == expected.count, "case \(number), step \(progress.step)")
            }
        }
    }

    @Test func whatIsNoNumberIsNeverTheBest() {
        var progress = RunProgress()
        for loss in [Double.nan, 2, .nan, 3] { progress.take(EvaluationResult(loss: loss, tokens: 1, rows: 1), judgedBy: BestMetric("loss"), threshold: 0) }
        #expect(progress.best?.value == 2 && progress.evaluationsWithoutGain == 2)
    }

    /// The best by one measure says nothing of another.
    @Test func anotherMetricBeginsAnew() {
        var progress = RunProgress()
        progress.take(EvaluationResult(loss: 2, tokens: 1, rows: 1), judgedBy: BestMetric("loss"), threshold: 0)
        progress.begin(totalSteps: 9, metric: BestMetric("eval_loss"))
        #expect(progress.best?.value == 2)
        progress.begin(totalSteps: 9, metric: BestMetric("a.txt_loss"))
        #expect(progress.best == nil && progress.evaluationsWithoutGain == nil && progress.totalSteps == 9)
    }
}

extension TrainingJobTests {
    /// The checkpoint with the lowest held-back loss is kept, and the result is of it.
    @Suite(.serialized) struct BestCheckpoint {
        /// Learns a few rows by heart, so that the loss on others rises soon.
        private func job(in directory: String) throws -> SmallJob {
            var job = try SmallJob(in: directory)
            job.configuration.datasets = [job.configuration.datasets[1]]
            job.configuration.learningRate = 3e-2
            job.configuration.learningRateScheduler = .constant
            job.configuration.gradientAccumulationSteps = 1
            job.configuration.warmupSteps = 0
            job.configuration.sampleSteps = nil
            job.configuration.maxSteps = 40
            job.configuration.evaluationSteps = 2
            job.configuration.saveSteps = 4
            job.configuration.saveTotalLimit = 2
            job.configuration.loadBestModelAtEnd = true
            return job
        }

        @Test func bestIsKeptAndExported() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try job(in: directory)
                job.configuration.export = ExportConfiguration()
                let outcome = try job.run(), best = try #require(outcome.result.best)
                let losses = outcome.events.compactMap { event in
                    if case .run(.evaluation(let report)) = event, report.stage == .healing { (report.step, report.loss) } else { nil }
                }
                let lowest = try #require(losses.min { $0.1 < $1.1 })
                #expect(best.step == lowest.0 && best.value == lowest.1)
                try #require(best.step < 40, "the loss must have risen")
                // The best and the last, no more.
                #expect(try job.checkpoints.map(\.step) == [best.step, 40])
                #expect(outcome.result.healed == best.result && outcome.result.healedStep == best.step)
                // What is exported is the best: the same as an export of its checkpoint.
                let path = try #require(outcome.result.bestCheckpoint), opened = try OpenedModel.open(path)
                #expect(try OpenedModel.checkpointPath(job.configuration.outputDirectory + "/best") == path)
                #expect(try OpenedModel.checkpointPath(job.configuration.outputDirectory + "/latest")?.hasSuffix("checkpoint-00000040.h5") == true)
                for name in ["best", "latest"] {
                    let place = job.configuration.outputDirectory + "/" + name
                    #expect(job.configuration.existingModel(place) == place && job.configuration.existingPath(place) == nil)
                }
                #expect(job.configuration.existingModel(directory + "/none/best") == nil)
                let other = directory + "/other"
                _ = try HuggingFaceExport.write(opened, weights: opened.weights(), to: other, dtype: .bf16)
                #expect(FileManager.default.contentsEqual(atPath: other + "/model.safetensors", andPath: job.configuration.exportDirectory! + "/model.safetensors"))
                let file = try SealedFile.open(path)
                #expect(try file.intAttribute("version", at: "/") == 3)
                try file.close()
                // A finished run tells the same again.
                #expect(try job.run(resume: .latest).result.healedStep == best.step)
                // And the truth when the file is gone.
                try FileManager.default.removeItem(atPath: path)
                let without = try job.run(resume: .latest)
                #expect(try RunRecord(directory: job.configuration.outputDirectory).end?.resultStep == 40)
                #expect(without.result.healedStep == 40 && without.events.contains { if case .run(.warning(_, let text)) = $0 { text.contains("best checkpoint") } else { false } })
            }
        }

        /// Stops by itself, at the same step and with the same numbers wherever it was interrupted.
        @Test func stopsEarly() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try job(in: directory).withOutput("straight")
                straight.configuration.earlyStoppingPatience = 3
                straight.configuration.learningRate = 0.3
                let whole = try straight.run()
                #expect(whole.result.isStoppedEarly && whole.result.ending == .complete && whole.result.step < 40)
                let best = try #require(whole.result.best)
                #expect(whole.result.step == best.step + 6)
                // The report is of the same model, and knows the steps that were not logged.
                var rarely = straight.withOutput("rarely")
                rarely.configuration.loggingSteps = 7
                _ = try rarely.run()
                let record = try RunRecord(directory: rarely.configuration.outputDirectory)
                let every = try RunRecord(directory: straight.configuration.outputDirectory)
                #expect(record.end?.ending == .early && record.end?.resultStep == best.step && record.lastStep == whole.result.step)
                #expect(record.loss("healing", on: nil) == best.result.loss)
                #expect(record.tokens == every.steps.reduce(0) { $0 + Double($1.tokens) } && record.steps.count < every.steps.count)
                for polls in [3, 9, 14] {
                    let job = straight.withOutput("stopped-\(polls)")
                    _ = try job.run(stopAfter: polls)
                    let second = try job.run(resume: .latest)
                    #expect(second.result.step == whole.result.step && second.result.best == best && second.result.isStoppedEarly)
                    #expect(try job.numbers().differences(from: straight.numbers()) == [], "stopped after \(polls) polls")
                    #expect(try job.metrics() == straight.metrics())
                }
                // Finished is finished, until there is more patience.
                #expect(try straight.run(resume: .latest).result.step == whole.result.step)
                straight.configuration.earlyStoppingPatience = 4
                #expect(try straight.run(resume: .latest).result.step == best.step + 8)
            }
        }

        @Test func nothingToJudgeBy() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try job(in: directory)
                job.configuration.validationSize = 0
                let error = #expect(throws: HealError.self) { try job.run() }
                #expect(error?.code == .configuration && error?.description.contains("val_size") == true)
            }
        }
    }
}
