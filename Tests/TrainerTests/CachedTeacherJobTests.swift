import Basics
import Foundation
import Kernels
import Synchronization
import Testing
import TestSupport
@testable import Trainer

extension TrainingJobTests {
    /// Jobs that learn from what is kept of a teacher's answers.
    @Suite(.serialized) struct CachedTeacherJobs {
        private func job(in directory: String, _ name: String = "straight", _ form: DistillationConfiguration.CacheForm = .topK) throws -> SmallJob {
            var job = try SmallJob(in: directory).withOutput(name)
            job.configuration.distillation.weight = 0.5
            job.configuration.distillation.temperature = 1.5
            job.configuration.distillation.cache = directory + "/cache"
            job.configuration.distillation.cacheForm = form
            job.configuration.distillation.cacheSize = 16
            job.configuration.maxSteps = 10
            job.configuration.saveSteps = 4
            job.configuration.sampleSteps = nil
            return job
        }

        private func steps(_ outcome: SmallJob.Outcome) -> [StepReport] {
            outcome.events.compactMap { if case .run(.step(let report)) = $0 { report } else { nil } }
        }

        private func files(_ job: SmallJob) throws -> [String] {
            let cache = job.configuration.distillation.cache!
            return try FileSystem.names(in: cache).filter { $0.hasSuffix(".h5") }.map { "\(cache)/\($0)" }
        }

        /// The tail is one token, so the divergence is smaller than in full; draws get it right on average.
        @Test func learnsAboutTheSame() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var full = try job(in: directory, "full")
                full.configuration.distillation.cache = nil
                full.configuration.distillation.cacheForm = nil
                full.configuration.distillation.cacheSize = nil
                let expected = steps(try full.run())
                for (form, size) in [(DistillationConfiguration.CacheForm.topK, 16), (.topK, 512), (.sampled, 64)] {
                    var job = try job(in: directory, "\(form)-\(size)", form)
                    job.configuration.distillation.cacheSize = size
                    job.configuration.distillation.cache! += "-\(form)-\(size)"
                    let found = steps(try job.run())
                    for (a, b) in zip(found, expected) {
                        let (kl, whole) = (try #require(a.parts).divergence, try #require(b.parts).divergence)
                        // At the first step the students are one. Half precision is good for one part in a thousand.
                        if size == 512 { #expect(abs(kl - whole) < 2e-3 * whole && abs(a.loss - b.loss) < 2e-3 * b.loss, "\(form) \(size), step \(a.step)") }
                        if form == .topK, a.step == 1 { #expect(kl < whole * 1.002) }
                        if form == .sampled { #expect(abs(kl - whole) < 0.1 * whole, "step \(a.step): \(kl), in full \(whole)") }
                    }
                    #expect(try #require(found.last?.parts).divergence < 0.8 * (try #require(found.first?.parts).divergence))
                }
            }
        }

        @Test(arguments: [(Configuration.Precision.fp32, DistillationConfiguration.CacheForm.topK, Distillation.Tokens.all)]
            + (GEMM.hasFastBFloat16 ? [(.bf16, .sampled, .labels)] : [(.fp32, .sampled, .labels)]))
        func sameBits(dtype: Configuration.Precision, form: DistillationConfiguration.CacheForm, tokens: Distillation.Tokens) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try job(in: directory, "straight", form)
                straight.configuration.dtype = dtype
                straight.configuration.distillation.tokens = tokens
                straight.configuration.threads = 1
                _ = try straight.run()
                let numbers = try straight.numbers(), metrics = try straight.metrics(), cache = straight.configuration.distillation.cache!
                let whole = try files(straight)
                #expect(whole.count > 1 && numbers.progress.teacher?.count == 8)
                func expectSame(_ job: SmallJob, _ words: String) throws {
                    #expect(try job.numbers().differences(from: numbers) == [], "\(dtype), \(words)")
                    #expect(try job.metrics() == metrics, "\(words)")
                }

                // All answers are there: the teacher is not asked, and nothing is added.
                var again = straight.withOutput("again")
                again.configuration.threads = 2
                _ = try again.run()
                try expectSame(again, "with the cache")
                #expect(try files(straight) == whole)

                // Some are there, and what a kill left.
                try FileManager.default.removeItem(atPath: whole[0])
                try Data("HDF".utf8).write(to: URL(fileURLWithPath: whole[0] + ".77.partial"))
                var stopped = straight.withOutput("stopped")
                stopped.configuration.threads = 4
                #expect(try stopped.run(stopAfter: 7).result.step < 10)
                // None are; and the directory is another one.
                try FileManager.default.removeItem(atPath: cache)
                stopped.configuration.distillation.cache! += "-moved"
                #expect(try stopped.run(resume: .latest).result.ending == .complete)
                try expectSame(stopped, "stopped, cache removed and moved")
                #expect(FileSystem.kind(of: cache) == nil)
            }
        }

        /// A damaged file is told of, and its answers are made again.
        @Test func tellsOfDamage() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let first = try job(in: directory)
                _ = try first.run()
                let file = try #require(try files(first).first)
                var bytes = try FileSystem.readAll(file)
                bytes[bytes.count / 2] ^= 4
                try Data(bytes).write(to: URL(fileURLWithPath: file))
                let second = first.withOutput("second"), outcome = try second.run()
                let warnings = outcome.events.compactMap { if case .run(.warning(_, let message)) = $0 { message } else { nil } }
                #expect(warnings.contains { $0.contains(file) && $0.contains("is damaged") && $0.contains("the teacher is asked again") }, "\(warnings)")
                #expect(try second.numbers().differences(from: first.numbers()) == [])
            }
        }

        /// Ranks fill one cache together, and a later run of one rank needs nothing more.
        @Test func ranks() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                func curve(_ ranks: Int) throws -> [StepReport] {
                    var job = try job(in: directory, "ranks-\(ranks)")
                    job.configuration.gradientAccumulationSteps = 4 / ranks
                    job.configuration.threads = 1
                    let configuration = job.configuration, told = Mutex<[StepReport]>([])
                    let results = ThreadRanks(ranks).run { cluster in
                        var work = HealingJob(configuration)
                        work.cluster = cluster
                        return try work.run { event in if case .run(.step(let report)) = event { told.withLock { $0.append(report) } } }
                    }
                    for result in results { #expect(try result.get().ending == .complete) }
                    return told.withLock { $0 }
                }
                let four = try curve(4), filled = try files(try job(in: directory)), one = try curve(1)
                #expect(four.count == 10 && one.count == 10 && filled.count >= 4)
                #expect(try files(try job(in: directory)) == filled)
                for (a, b) in zip(four, one) { #expect(abs(a.loss - b.loss) < 1e-6 * b.loss, "step \(a.step)") }
            }
        }

        /// Before any work is done.
        @Test func refusals() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                func refusal(_ job: SmallJob, resume: HealingJob.Resume = .no) -> String {
                    do {
                        _ = try job.run(resume: resume)
                        return ""
                    } catch { return "\(error)" }
                }
                var first = try job(in: directory)
                first.configuration.maxSteps = 2
                first.configuration.learningRateScheduler = .constant
                _ = try first.run()
                var other = first.withOutput("other")
                other.configuration.distillation.cacheSize = 17
                #expect(refusal(other).contains("`distillation.cache_size` is 17, was 16"))
                other.configuration.distillation.cache! += "-other"
                other.configuration.distillation.cacheSize = 600
                #expect(refusal(other).contains("`distillation.cache_size` names 600 tokens, but the model has 512"))
                // Whether there is a cache changes the steps to come; where it is does not (`sameBits`).
                first.configuration.maxSteps = 3
                first.configuration.distillation.cache = nil
                let without = refusal(first, resume: .latest)
                #expect(without.contains("distillation.cache") && without.contains("--allow-changes"), "\(without)")
            }
        }
    }
}
