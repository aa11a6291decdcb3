import Basics
import TestSupport
import Testing

@testable import Trainer

extension TrainingJobTests {
    /// What a run says of itself in `run.json`.
    @Suite(.serialized) struct Facts {
        @Test func dataAndModel() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.datasets[0].weight = 2
                job.configuration.datasets[2].weight = 0.5
                job.configuration.datasets[1].split = .validation
                (job.configuration.maxSteps, job.configuration.warmupSteps) = (3, 0)
                _ = try job.run(stopAfter: 3)
                #expect(try job.run(resume: .latest).resumedStep != nil)
                let facts = try #require(RunFacts(directory: job.configuration.outputDirectory))
                #expect(facts.files.map(\.use) == [", weight 2", ", split \"validation\"", ", weight 0.5"])
                // Not the checkpoint that it went on from.
                #expect(facts.model == job.configuration.model && facts.sessions.count == 2)
                // Without a file of its first start, too.
                try FileSystem.removeFile(job.configuration.outputDirectory + "/" + RunFacts.fileName)
                _ = try job.run(resume: .latest)
                #expect(RunFacts(directory: job.configuration.outputDirectory)?.model == job.configuration.model)
            }
        }

        @Test func parametersAreSettled() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory), output = job.configuration.outputDirectory
                _ = try job.run(stopAfter: 1)
                let planned = try #require(RunFacts(directory: output))
                try RunFacts.settle(parameters: planned.parameters - 4, in: output)
                var settled = planned
                settled.parameters -= 4
                #expect(RunFacts(directory: output) == settled)
                // Where there is no file, none is made.
                try RunFacts.settle(parameters: 1, in: directory)
                #expect(RunFacts(directory: directory) == nil)
            }
        }
    }
}
