import Foundation
import HealData
import Kernels
import Models
import Synchronization
import TestSupport
import Testing
@testable import Trainer

extension TrainingJobTests {
    /// Jobs that learn from a teacher.
    @Suite(.serialized) struct DistillationJobs {
        private func job(in directory: String, _ name: String = "straight") throws -> SmallJob {
            var job = try SmallJob(in: directory).withOutput(name)
            job.configuration.distillation.weight = 0.5
            job.configuration.distillation.temperature = 1.5
            job.configuration.maxSteps = 10
            job.configuration.saveSteps = 4
            return job
        }

        private func steps(_ outcome: SmallJob.Outcome) -> [StepReport] {
            outcome.events.compactMap { if case .run(.step(let report)) = $0 { report } else { nil } }
        }

        private func refusal(_ body: () throws -> SmallJob.Outcome) -> String {
            do {
                _ = try body()
                return ""
            } catch { return "\(error)" }
        }

        @Test func learnsFromTheDenseModel() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try job(in: directory), outcome = try job.run(), reports = steps(outcome)
                #expect(reports.count == 10)
                for report in reports {
                    let parts = try #require(report.parts)
                    #expect(abs(report.loss - 0.5 * parts.crossEntropy - 0.5 * parts.divergence) < 1e-12 * report.loss)
                }
                #expect(try #require(reports.last?.parts).divergence < 0.8 * (try #require(reports.first?.parts).divergence))
                let line = try #require(try job.metrics().first { $0.hasPrefix(#"{"type":"step""#) })
                #expect(line.contains(#","ce":"#) && line.contains(#","kl":"#))

                // Divergence alone brings the student back too.
                var alone = job.withOutput("alone")
                alone.configuration.distillation.weight = 1
                alone.configuration.distillation.tokens = .labels
                let result = try alone.run().result
                #expect(try #require(result.healed).loss < (try #require(result.truncated)).loss)
            }
        }

        @Test(arguments: [(Configuration.Precision.fp32, Distillation.Tokens.all)] + (GEMM.hasFastBFloat16 ? [(.bf16, .labels)] : []))
        func sameBitsForThreadsAndStops(dtype: Configuration.Precision, tokens: Distillation.Tokens) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try job(in: directory)
                straight.configuration.dtype = dtype
                straight.configuration.distillation.tokens = tokens
                straight.configuration.threads = 1
                _ = try straight.run()
                let numbers = try straight.numbers(), metrics = try straight.metrics()
                #expect(numbers.progress.teacher?.count == 8)
                for polls in [2, 7, 13] {
                    var job = straight.withOutput("stop-\(polls)")
                    job.configuration.threads = 2
                    #expect(try job.run(stopAfter: polls).result.step < 10)
                    #expect(try job.run(resume: .latest).result.ending == .complete)
                    #expect(try job.numbers().differences(from: numbers) == [], "\(dtype), stopped after \(polls) polls")
                    #expect(try job.metrics() == metrics)
                }
            }
        }

        @Test(arguments: [Distillation.Tokens.all, .labels]) func sameCurveForAnyNumberOfRanks(tokens: Distillation.Tokens) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                func curve(_ ranks: Int) throws -> [StepReport] {
                    var job = try job(in: directory, "ranks-\(ranks)")
                    job.configuration.gradientAccumulationSteps = 4 / ranks
                    job.configuration.threads = 1
                    job.configuration.distillation.tokens = tokens
                    let configuration = job.configuration, told = Mutex<[StepReport]>([])
                    let results = ThreadRanks(ranks).run { cluster in
                        var work = HealingJob(configuration)
                        work.cluster = cluster
                        return try work.run { event in if case .run(.step(let report)) = event { told.withLock { $0.append(report) } } }
                    }
                    for result in results { #expect(try result.get().ending == .complete) }
                    return told.withLock { $0 }
                }
                let one = try curve(1)
                #expect(one.count == 10)
                for ranks in [2, 4] {
                    for (found, expected) in zip(try curve(ranks), one) {
                        let (a, b) = (try #require(found.parts), try #require(expected.parts))
                        #expect(abs(found.loss - expected.loss) < 1e-6 * expected.loss, "\(ranks) ranks, step \(found.step)")
                        #expect(abs(a.crossEntropy - b.crossEntropy) < 1e-6 * b.crossEntropy && abs(a.divergence - b.divergence) < 1e-6 * b.divergence)
                    }
                }
            }
        }

        /// A compressed model knows what it was compressed from, until that is gone.
        @Test func findsTheTeacherAgain() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let original = directory + "/original"
                try FileManager.default.copyItem(atPath: GoldenFiles.repository.path + "/models/stories260K", toPath: original)
                var first = try job(in: directory, "first")
                first.configuration.model = original
                first.configuration.maxSteps = 2
                let checkpoint = try #require(try first.run().result.checkpoint)

                var second = first.withOutput("second")
                second.configuration.model = checkpoint
                let found = try second.run()
                #expect(try second.numbers().progress.teacher == first.numbers().progress.teacher)
                let planned = try #require(found.events.lazy.compactMap { if case .planned(let summary) = $0 { summary } else { nil } }.first)
                #expect(planned.modelPath == checkpoint && planned.teacherPath == original)

                try FileManager.default.moveItem(atPath: original, toPath: directory + "/moved")
                var third = second.withOutput("third")
                let gone = refusal { try third.run() }
                #expect(gone.contains(original) && gone.contains("`distillation.teacher`"), "\(gone)")
                // Told where it is, the run goes on as if nothing had happened.
                second.configuration.distillation.teacher = directory + "/moved"
                second.configuration.maxSteps = 3
                second.configuration.learningRateScheduler = .constant
                #expect(try second.run(resume: .latest, allowing: ["lr_scheduler_type", "max_steps"]).result.step == 3)

                third.configuration.distillation.teacher = checkpoint  // a compressed teacher
                #expect(try third.run().result.ending == .complete)
                second.configuration.distillation.teacher = checkpoint
                second.configuration.maxSteps = 4
                let other = refusal { try second.run(resume: .latest, allowing: ["max_steps"]) }
                #expect(other.contains("another teacher") && other.contains("--allow-changes distillation.teacher"), "\(other)")
                #expect(try second.run(resume: .latest, allowing: ["max_steps", "distillation.teacher"]).result.step == 4)
            }
        }

        @Test func refusesATeacherOfAnotherVocabulary() throws {
            let opened = try OpenedModel.open(GoldenFiles.repository.path + "/models/stories260K")
            let foreign = OpenedModel(
                path: "elsewhere", configuration: opened.configuration, source: opened.source, layouts: [:], companions: opened.companions,
                tokenizer: try TokenizerFiles.load(directory: GoldenFiles.path("tokenizers/smollm2")), chatTemplateSource: nil)
            try Teacher.check(opened, of: opened, longestContext: 64)
            let error = #expect(throws: HealError.self) { try Teacher.check(foreign, of: opened, longestContext: 64) }
            #expect("\(try #require(error))".contains("token 0 is another one"))
        }

        /// What both models hold is in memory once.
        @Test(arguments: [DType.f32] + (GEMM.hasFastBFloat16 ? [.bf16] : [])) func sharesWhatIsEqual(compute: DType) throws {
            let opened = try OpenedModel.open(GoldenFiles.repository.path + "/models/stories260K")
            let matrices = Set(LlamaNames.matrixShapes(opened.configuration).map(\.name))
            var weights = try opened.weights()
            let trained = "model.norm.weight"
            weights.tensors[trained] = weights.tensors[trained]!.copy()
            let student = LlamaModel(opened.configuration, weights, compute: compute, longestContext: 16, trains: { $0 == trained })
            let teacher = try Teacher(opened, of: student)
            for name in weights.names where name != trained {
                #expect(teacher.model.frozenTensor(name)?.memory === student.frozenTensor(name)?.memory, "\(name)")
            }
            #expect(teacher.model.frozenTensor(trained) != nil && !matrices.isEmpty)
            // The same files give the same checksum, whatever the student.
            let other = LlamaModel(opened.configuration, weights, compute: .f32, longestContext: 16)
            #expect(try Teacher(opened, of: other).checksum == teacher.checksum)
        }
    }
}
