import Testing
import TestSupport
import Trainer

extension TrainingJobTests {
    /// A run that goes on with the other optimizer takes its moments along.
    @Suite(.serialized) struct OptimizerChange {
        /// There and back: the model learns on as before, and tensors too small for 8 bits keep their bits.
        @Test func momentsAreConverted() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.compression.keep = 0.9  // large cores
                job.configuration.evaluationSteps = nil
                job.configuration.sampleSteps = nil
                _ = try job.run(stopAfter: 16)
                let wide = try job.numbers()
                var other = job
                other.configuration.optimizer = .adamw8bit
                let narrowed = try other.run(resume: .latest, allowing: ["optim"], stopAfter: 2)
                #expect(narrowed.result.step == 9)
                let narrow = try job.numbers()
                #expect(narrow.tensors.keys.contains { $0.hasPrefix("optimizer/m_scale/") } && narrow.optimizerStep == 9)
                let back = try job.run(resume: .latest, allowing: ["optim"])
                #expect(back.result.ending == .complete)
                #expect(try !job.numbers().tensors.keys.contains { $0.hasPrefix("optimizer/m_scale/") })

                let straight = job.withOutput("straight")
                let whole = try straight.run()
                let (found, expected) = (try #require(back.result.healed), try #require(whole.result.healed))
                #expect(abs(found.loss - expected.loss) < 0.02, "\(found.loss), never changed \(expected.loss)")
                #expect(wide.optimizerStep == 8)
            }
        }
    }
}
