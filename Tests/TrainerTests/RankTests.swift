import Foundation
import Synchronization
import TestSupport
import Testing
import Trainer

extension TrainingJobTests {
    /// Several ranks are one run, whatever their number.
    @Suite(.serialized) struct Ranks {
        /// What rank 0 told, and the results of all.
        private struct Outcome: Sendable {
            var results: [JobResult]
            var steps: [StepReport]
            var evaluations: [EvaluationReport]
            /// Sums that began while a backward pass still ran.
            var earlySums: Int
        }

        /// A window of four micro-batches, dealt to `ranks`.
        private func job(in directory: String, ranks: Int) throws -> SmallJob {
            var job = try SmallJob(in: directory).withOutput("ranks-\(ranks)")
            job.configuration.gradientAccumulationSteps = 4 / ranks
            job.configuration.threads = 1
            return job
        }

        private func run(
            _ job: SmallJob, ranks: Int, resume: HealingJob.Resume = .no, allowing: [String] = [], stop: @escaping @Sendable (_ rank: Int, _ steps: Int) -> Bool = { _, _ in false }
        ) throws -> Outcome {
            let told = Mutex<[JobEvent]>([])
            let threads = ThreadRanks(ranks)
            let results = threads.run { cluster in
                var work = HealingJob(job.configuration, resume: resume, allowedChanges: allowing)
                work.cluster = cluster
                return try work.run(stop: { stop(cluster.rank, told.withLock { $0.count { if case .run(.step) = $0 { true } else { false } } }) }, watch: { event in told.withLock { $0.append(event) } })
            }
            let events = told.withLock { $0 }
            return Outcome(
                results: try results.map { try $0.get() },
                steps: events.compactMap { if case .run(.step(let report)) = $0 { report } else { nil } },
                evaluations: events.compactMap { if case .run(.evaluation(let report)) = $0 { report } else { nil } },
                earlySums: threads.early.load(ordering: .relaxed))
        }

        private func expectSameCurve(_ found: [StepReport], _ expected: [StepReport], _ what: String) {
            #expect(found.map(\.step) == expected.map(\.step), "\(what)")
            #expect(found.map(\.tokens) == expected.map(\.tokens) && found.map(\.trainedTokens) == expected.map(\.trainedTokens), "\(what)")
            #expect(found.map(\.epoch) == expected.map(\.epoch), "\(what)")
            let worst = zip(found, expected).map { abs($0.loss - $1.loss) / $1.loss }.max() ?? .infinity
            // Only the order of sums differs.
            #expect(worst < 1e-6, "\(what): losses differ by \(worst)")
        }

        @Test(arguments: [false, true]) func sameCurveForAnyNumberOfRanks(checkpointing: Bool) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try job(in: directory, ranks: 1)
                straight.configuration.gradientCheckpointing = checkpointing
                let one = try run(straight, ranks: 1)
                #expect(one.steps.count == 24 && one.steps.allSatisfy { $0.exchangedBytes == nil })
                for ranks in [2, 4] {
                    var job = try job(in: directory, ranks: ranks)
                    job.configuration.gradientCheckpointing = checkpointing
                    let some = try run(job, ranks: ranks)
                    expectSameCurve(some.steps, one.steps, "\(ranks) ranks")
                    #expect(some.results.allSatisfy { $0.ending == .complete && $0.step == 24 })
                    // The same batches in the same order: the same bits, as long as the weights have them.
                    #expect(some.evaluations.prefix(2).map(\.loss) == one.evaluations.prefix(2).map(\.loss))
                    #expect(some.evaluations.map(\.rows) == one.evaluations.map(\.rows))
                    // Four bytes for each trained number and step: cores and the weights of norms.
                    let trained = try job.numbers().tensors.filter { $0.key.hasPrefix("optimizer/m/") }.reduce(0) { $0 + $1.value.count }
                    #expect(some.steps.allSatisfy { $0.exchangedBytes == 4 * trained })
                    let tensors = try job.numbers().tensors.keys.count { $0.hasPrefix("optimizer/m/") }
                    #expect(some.earlySums == 24 * ranks * tensors)
                }
            }
        }

        /// A run goes on with the same windows on another number of ranks, and is refused other windows.
        @Test func resumesOnAnotherNumberOfRanks() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try run(job(in: directory, ranks: 1), ranks: 1)
                var moving = try job(in: directory, ranks: 4).withOutput("moving")
                // One rank's wish stops all, after the same step.
                let first = try run(moving, ranks: 4) { rank, steps in rank == 2 && steps >= 9 }
                let step = first.results[0].step
                #expect((1..<24).contains(step) && first.results.allSatisfy { $0.step == step })
                #expect(first.results[0].ending == .stopped(checkpoint: first.results[0].checkpoint))
                #expect(first.results.dropFirst().allSatisfy { $0.ending == .stopped(checkpoint: nil) })

                do {
                    _ = try run(moving, ranks: 2, resume: .latest)
                    Issue.record("half the window must be refused")
                } catch {
                    #expect("\(error)".contains("gradient_accumulation_steps: 1 on each of 4 ranks -> 1 on each of 2 ranks"), "\(error)")
                }
                moving.configuration.gradientAccumulationSteps = 2
                let second = try run(moving, ranks: 2, resume: .latest)
                expectSameCurve(first.steps + second.steps, straight.steps, "4 ranks to step \(step), then 2")
            }
        }

        /// The end of the data leaves some ranks without a batch; the step is made of what there is.
        @Test func dataThatEndsWithinAWindow() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                func ending(_ ranks: Int) throws -> Outcome {
                    var job = try job(in: directory, ranks: ranks)
                    job.configuration.maxSteps = nil
                    job.configuration.trainEpochs = 1
                    return try run(job, ranks: ranks)
                }
                let one = try ending(1)
                #expect(one.steps.last!.tokens < one.steps[0].tokens, "the last window must be short")
                for ranks in [2, 4] { expectSameCurve(try ending(ranks).steps, one.steps, "\(ranks) ranks") }
            }
        }
    }
}
