import TestSupport
import Testing
import Trainer

extension TrainingJobTests {
    /// A run measured in epochs sees every row as often as it has epochs, and then ends.
    @Suite(.serialized) struct Epochs {
        /// The whole epochs are few enough for the packer to hold them all at once.
        @Test(arguments: [1.0, 2.0, 2.5])
        func everyRowAsOften(epochs: Double) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.maxSteps = nil
                job.configuration.trainEpochs = epochs
                job.configuration.gradientAccumulationSteps = 4
                let outcome = try job.run(), progress = try job.numbers().progress
                let position = try #require(progress.position)
                #expect(outcome.result.ending == .complete && progress.step == outcome.result.totalSteps)
                // 40 rows, 4 of them held back.
                #expect(position.counters.rows == Int(36 * epochs))
                #expect(position.waiting.isEmpty)
                #expect(progress.trainedTokens == position.counters.trainedTokens && progress.tokens == position.counters.tokens)
                // Windows of four micro-batches, the last one what is left.
                #expect(outcome.result.totalSteps == (position.microBatches + 3) / 4)
                #expect(try job.metrics().last { $0.contains(#""type":"step""#) }?.contains("\"epoch\":\(epochs == 2.5 ? "2.5" : "\(Int(epochs))"),") == true)

                let stopped = job.withOutput("stopped")
                _ = try stopped.run(stopAfter: 4 * (outcome.result.totalSteps - 1) + 1)
                _ = try stopped.run(resume: .latest)
                #expect(try stopped.numbers().differences(from: job.numbers()) == [])
                #expect(try stopped.metrics() == job.metrics())
            }
        }
    }
}
