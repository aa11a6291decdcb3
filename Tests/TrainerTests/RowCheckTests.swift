import Foundation
import HealData
import Testing
import TestSupport

@testable import Trainer

extension TrainingJobTests {
    /// Rows are looked at before anything is computed.
    @Suite(.serialized) struct RowCheck {
        private func job(_ directory: String, adding rows: [String]) throws -> SmallJob {
            var job = try SmallJob(in: directory).withOutput("run")
            let path = "\(directory)/late.jsonl"
            let good = (0..<40).map { #"{"instruction":"say \#($0)","output":"yes"}"# }
            try Data((good + rows).joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
            var dataset = DatasetConfiguration()
            dataset.path = path
            job.configuration.datasets = [dataset]
            job.configuration.maxSteps = 2
            return job
        }

        @Test func aLateBadRowIsNamedBeforeTheWork() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try job(directory, adding: [#"{"instruction":"a"}"#, #"{"instruction":"a","output":null}"#])
                var events: [JobEvent] = []
                let error = #expect(throws: HealError.self) { try HealingJob(job.configuration).run { events.append($0) } }
                #expect(error?.description.split(separator: "\n").map(String.init) == [
                    "\(directory)/late.jsonl:41: `output` is missing; the row has `instruction`", "\(directory)/late.jsonl:42: `output` must be a string, not null",
                    "on_bad_line: \"skip\" leaves such rows out",
                ])
                #expect(!events.contains { if case .stage = $0 { true } else { false } })
            }
        }

        @Test func unreadKeysAndFewRowsAreNoted() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try job(directory, adding: [#"{"instruction":"a","output":"b","persona":"pirate"}"#])
                let notes = try job.run().events.compactMap { if case .note(let text) = $0 { text } else { nil } }
                #expect(notes.first == "\(directory)/late.jsonl:41: `persona` is not read")
                #expect(notes.last?.hasPrefix("only 4 rows are held back") == true && notes.count == 2)
            }
        }

        @Test func badRowsThatAreLeftOutStopNothing() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try job(directory, adding: [#"{"instruction":"a"}"#])
                job.configuration.onBadLine = .skip
                #expect(try job.run().result.ending == .complete)
            }
        }
    }
}
