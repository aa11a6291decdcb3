import Foundation
import TestSupport
import Testing
import Trainer

extension TrainingJobTests {
    /// A damaged checkpoint is named and the one before it used; the run then ends where it would have ended.
    @Suite(.serialized) struct CheckpointDamage {
        private func flipBit(_ path: String, at offset: (Int) -> Int) throws {
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let place = offset(bytes.count)
            bytes[place] ^= 1 << 3
            try bytes.write(to: URL(fileURLWithPath: path))
        }

        private func truncate(_ path: String, to share: Double) throws {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            try bytes.prefix(Int(Double(bytes.count) * share)).write(to: URL(fileURLWithPath: path))
        }

        @Test func theOneBeforeIsUsed() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try SmallJob(in: directory).withOutput("straight")
                _ = try straight.run()
                let whole = try straight.checkpoints
                #expect(whole.map(\.step) == [8, 16, 24])
                let final = try CheckpointNumbers(whole[2].path), metrics = try straight.metrics()
                let damages: [(String, (String) throws -> Void)] = [
                    ("bit in the numbers", { try flipBit($0) { $0 / 2 } }),
                    ("bit in the seal", { try flipBit($0) { _ in 30 } }),
                    ("last bit", { try flipBit($0) { $0 - 1 } }),
                    ("cut in half", { try truncate($0, to: 0.5) }),
                    ("empty", { try truncate($0, to: 0) }),
                ]
                for (what, damage) in damages {
                    let job = straight.withOutput("damaged")
                    try? FileManager.default.removeItem(atPath: job.configuration.outputDirectory)
                    try FileManager.default.copyItem(atPath: straight.configuration.outputDirectory, toPath: job.configuration.outputDirectory)
                    let newest = try job.checkpoints[2].path
                    try damage(newest)
                    let outcome = try job.run(resume: .latest)
                    #expect(outcome.invalidCheckpoints.map(\.path) == [newest], "\(what)")
                    #expect(outcome.invalidCheckpoints.allSatisfy { $0.reason.contains(newest) }, "\(what)")
                    #expect(outcome.resumedStep == 16, "\(what)")
                    #expect(try CheckpointNumbers(newest).differences(from: final) == [], "\(what)")
                    #expect(try job.metrics() == metrics, "\(what)")
                }
            }
        }

        @Test func noneIsValid() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                _ = try job.run(stopAfter: 30)
                let entries = try job.checkpoints
                #expect(entries.count == 2)
                for entry in entries { try truncate(entry.path, to: 0.9) }
                #expect(throws: (any Error).self) { try job.run(resume: .latest) }
                // Nothing was removed or written over.
                #expect(try job.checkpoints == entries)
                #expect(throws: (any Error).self) { try job.run(resume: .checkpoint(entries[1].path)) }
            }
        }
    }
}
