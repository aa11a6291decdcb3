import Foundation
import HealData
import Kernels
import Storage
import Testing
import TestSupport
import Trainer

extension TrainingJobTests {
    /// Stopping and going on is the same as never stopping.
    @Suite(.serialized) struct Resume {
        private func expectSame(_ job: SmallJob, as straight: SmallJob, _ what: String) throws {
            let a = try job.numbers(), b = try straight.numbers()
            #expect(a.progress.step == 24)
            #expect(a.differences(from: b) == [], "\(what)")
            let (found, expected) = (try job.metrics(), try straight.metrics())
            #expect(found == expected, "\(what)")
        }

        /// Ten places in fp32, fewer in bf16: between windows, inside them, in evaluations, within every epoch.
        @Test(arguments: [(Configuration.Precision.fp32, [0, 1, 4, 7, 12, 19, 26, 33, 41, 50])] + (GEMM.hasFastBFloat16 ? [(.bf16, [7, 22, 41])] : []))
        func stopAnywhere(dtype: Configuration.Precision, places: [Int]) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try SmallJob(in: directory).withOutput("straight")
                straight.configuration.dtype = dtype
                straight.configuration.gradientCheckpointing = dtype == .bf16
                let whole = try straight.run()
                #expect(whole.result.ending == .complete)
                let position = try #require(straight.numbers().progress.position)
                #expect(position.epoch >= 2, "the run must cross the border of an epoch")
                let metrics = try straight.metrics()
                #expect(metrics.count { $0.hasPrefix(#"{"type":"step""#) } == 24)

                var stopped: Set<Int> = []
                for polls in places {
                    let job = straight.withOutput("stop-\(polls)")
                    let first = try job.run(stopAfter: polls)
                    #expect(first.result.step < 24 && first.result.ending == .stopped(checkpoint: first.result.checkpoint))
                    stopped.insert(first.result.step)
                    let second = try job.run(resume: .latest)
                    #expect(second.resumedStep == (first.result.step == 0 ? nil : first.result.step))
                    #expect(second.result.ending == .complete && second.result.healed == whole.result.healed)
                    try expectSame(job, as: straight, "\(dtype), stopped after \(polls) polls, in step \(first.result.step + 1)")
                }
                #expect(stopped.count >= places.count - 1, "the stops must be in different steps")
            }
        }

        /// What evaluations and saves took is known to a run that goes on.
        @Test func measuredTimesAreKept() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                #expect(try job.run(stopAfter: 50).result.step > 8)
                let kept = try CheckpointReader(try #require(job.checkpoints.last).path).progress()
                for seconds in [kept.evaluationSeconds, kept.saveSeconds] { #expect((0.0001..<60).contains(seconds ?? 0)) }
                let told = try job.run(resume: .latest).events.compactMap { if case .resumed(_, let progress) = $0 { progress } else { nil } }
                #expect(told == [kept])
            }
        }

        /// 8-bit moments and bf16 cores come back as they were; the bits that round belong to the step.
        @Test(arguments: [Configuration.Precision.fp32] + (GEMM.hasFastBFloat16 ? [.bf16] : []))
        func stopWithNarrowState(dtype: Configuration.Precision) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try SmallJob(in: directory).withOutput("straight")
                straight.configuration.dtype = dtype
                straight.configuration.optimizer = .adamw8bit
                straight.configuration.masterPrecision = .bf16
                straight.configuration.compression.keep = 0.9
                straight.configuration.trainable = [try NamePattern("norm"), try NamePattern("embed_tokens")]
                straight.configuration.threads = 1
                let whole = try straight.run()
                let newest = try #require(straight.checkpoints.last), file = try SealedFile.open(newest.path)
                #expect(try file.intAttribute("version", at: "/") == 2 && file.stringAttribute("type", at: "optimizer") == "adamw_8bit")
                #expect(try !file.children(of: "optimizer/m_scale").isEmpty)
                #expect(try file.stringAttribute("dtype", at: "model/mpo/model.layers.0.mlp.up_proj/core_1") == "bfloat16")
                #expect(try file.stringAttribute("dtype", at: "model/tensors/model.norm.weight") == nil)
                try file.close()
                for polls in [1, 12, 29, 40] {
                    var job = straight.withOutput("stop-\(polls)")
                    job.configuration.threads = 2
                    let first = try job.run(stopAfter: polls)
                    #expect(first.result.step < 24)
                    let second = try job.run(resume: .latest)
                    #expect(second.result.ending == .complete && second.result.healed == whole.result.healed)
                    try expectSame(job, as: straight, "\(dtype), stopped after \(polls) polls")
                }
            }
        }

        /// Many stops in one run, some before anything was done since the last.
        @Test func stopAgainAndAgain() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try SmallJob(in: directory).withOutput("straight")
                _ = try straight.run()
                let job = straight.withOutput("again")
                var outcome = try job.run(stopAfter: 5), runs = 1
                for polls in [0, 3, 8, 1, 2, 9, 6, 11, 4, 7, 13] where outcome.result.ending != .complete {
                    outcome = try job.run(resume: .latest, stopAfter: polls)
                    runs += 1
                }
                #expect(runs > 6)
                if outcome.result.ending != .complete { outcome = try job.run(resume: .latest) }
                #expect(outcome.result.ending == .complete)
                try expectSame(job, as: straight, "stopped again and again")
            }
        }

        /// A stop in the middle of an evaluation leaves it to the resumed run, the last evaluation too.
        @Test func stopInsideAnEvaluation() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                for step in [12, 24] {
                    var straight = try SmallJob(in: directory).withOutput("straight-\(step)")
                    straight.configuration.evaluationSteps = step
                    straight.configuration.sampleSteps = 12
                    let whole = try straight.run(), job = straight.withOutput("stopped-\(step)")
                    // Each step asks twice, so the next to ask is the evaluation.
                    let first = try job.run(stopAfter: 2 * step)
                    #expect(first.result.step == step && first.result.ending == .stopped(checkpoint: first.result.checkpoint))
                    let second = try job.run(resume: .latest)
                    #expect(second.resumedStep == step)
                    #expect(second.result.ending == .complete && second.result.healed == whole.result.healed)
                    try expectSame(job, as: straight, "stopped in the evaluation after step \(step)")
                }
            }
        }

        /// The metrics tell the whole story: both evaluations before healing are in them.
        @Test func metricsBeginWithDenseAndTruncated() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.maxSteps = 1
                _ = try job.run()
                let stages = try job.metrics().filter { $0.hasPrefix(#"{"type":"evaluation""#) }.map { line in
                    ["dense", "truncated", "healing"].first { line.contains("\"stage\":\"\($0)\"") }
                }
                #expect(stages == ["dense", "truncated", "healing"])
            }
        }

        private func refusal(_ body: () throws -> SmallJob.Outcome) -> String {
            do {
                _ = try body()
                return ""
            } catch { return "\(error)" }
        }

        @Test func changesThatWouldAlterTheRunAreRefused() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                let stopped = try job.run(stopAfter: 8)
                #expect(stopped.result.step == 4)
                func expectRefused(_ key: String, allow: String? = nil, _ change: (inout Configuration) throws -> Void) throws {
                    var changed = job
                    try change(&changed.configuration)
                    let message = refusal { try changed.run(resume: .latest) }
                    #expect(message.contains(key) && message.contains("--allow-changes"), "\(key): \(message)")
                    if let allow {
                        let outcome = try changed.run(resume: .latest, allowing: [allow], stopAfter: 0)
                        #expect(outcome.resumedStep == 4, "\(key)")
                    }
                }
                try expectRefused("learning_rate", allow: "learning_rate") { $0.learningRate = 1e-3 }
                try expectRefused("weight_decay", allow: "weight_decay") { $0.weightDecay = 0 }
                try expectRefused("max_seq_length") { $0.maxSequenceLength = 128 }
                try expectRefused("seed") { $0.seed = 7 }
                try expectRefused("gradient_accumulation_steps") { $0.gradientAccumulationSteps = 3 }
                try expectRefused("model") { configuration in
                    try FileManager.default.copyItem(atPath: configuration.model, toPath: "\(directory)/other")
                    configuration.model = "\(directory)/other"
                }
                try expectRefused("datasets") { $0.datasets.removeLast() }
                // What does not alter the steps may change.
                var harmless = job
                harmless.configuration.saveSteps = 3
                harmless.configuration.threads = 1
                #expect(try harmless.run(resume: .latest, stopAfter: 2).result.step == 5)
            }
        }

        @Test func changedRowsAreRefused() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                _ = try job.run(stopAfter: 8)
                let path = job.configuration.datasets[1].path
                let before = try Data(contentsOf: URL(fileURLWithPath: path))
                try (before + Data("\n".utf8) + before.split(separator: 0x0A)[0]).write(to: URL(fileURLWithPath: path))
                let message = refusal { try job.run(resume: .latest) }
                #expect(message.contains(path) && message.contains("has changed"), "\(message)")
                #expect(try job.run(resume: .latest, allowing: ["datasets"], stopAfter: 2).result.step == 5)
            }
        }

        @Test func aFreshRunDoesNotBuryAnEarlierOne() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                _ = try job.run(stopAfter: 3)
                #expect(refusal { try job.run() }.contains("--resume"))
            }
        }
    }
}
