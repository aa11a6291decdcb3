import Kernels
import TestSupport
import Testing
import Trainer

extension TrainingJobTests {
    /// The bits of a run depend on the configuration and the data alone.
    @Suite(.serialized) struct Determinism {
        private func numbers(_ dtype: Configuration.Precision, threads: Int, seed: Int = 42) throws -> (CheckpointNumbers, [String]) {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.dtype = dtype
                job.configuration.threads = threads
                job.configuration.maxSteps = 20
                job.configuration.seed = seed
                var used: Set<Int> = []
                let outcome = try job.run { _ in used.insert(Parallel.threads) }
                #expect(used == [threads])
                #expect(outcome.result.ending == .complete && outcome.result.step == 20)
                return (try job.numbers(), try job.metrics())
            }
        }

        @Test(arguments: [Configuration.Precision.fp32] + (GEMM.hasFastBFloat16 ? [.bf16] : []))
        func sameBitsForAnyNumberOfThreads(dtype: Configuration.Precision) throws {
            let (one, metrics) = try numbers(dtype, threads: 1)
            #expect(metrics.count { $0.hasPrefix(#"{"type":"step""#) } == 20)
            for threads in [2, 4] {
                let (some, otherMetrics) = try numbers(dtype, threads: threads)
                #expect(some.differences(from: one) == [], "\(dtype), \(threads) threads")
                #expect(otherMetrics == metrics, "\(dtype), \(threads) threads")
            }
        }

        @Test func anotherSeedIsAnotherRun() throws {
            let (a, b) = (try numbers(.fp32, threads: 2).0, try numbers(.fp32, threads: 2, seed: 43).0)
            #expect(a.differences(from: b).contains { $0.hasPrefix("model/mpo/") })
        }
    }
}
