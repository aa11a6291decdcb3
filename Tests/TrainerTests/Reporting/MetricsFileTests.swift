import Basics
import Foundation
import Testing
@testable import Trainer

@Suite struct MetricsFileTests {
    private func events(_ steps: ClosedRange<Int>, seconds: Double = 0.25) -> [RunEvent] {
        steps.flatMap { step -> [RunEvent] in
            var events = [stepReport(step, loss: 4 / Double(step), seconds: seconds)]
            if step.isMultiple(of: 2) {
                events.append(.evaluation(EvaluationReport(step: step, stage: .healing, loss: 2, rows: 3, tokens: 40, seconds: seconds)))
                events.append(.checkpoint(CheckpointReport(step: step, path: "c", bytes: 1, seconds: seconds)))
            }
            return events
        }
    }

    @Test func lines() {
        #expect(
            MetricsFile.line(stepReport(1, loss: 4))
                == #"{"type":"step","step":1,"total_steps":8,"epoch":0.125,"loss":4,"learning_rate":0.0001,"grad_norm":0.5,"tokens":512,"trained_tokens":300,"tokens_per_second":1234.5,"seconds":0.25,"memory_bytes":1610612736}"#
        )
        #expect(
            MetricsFile.line(.evaluation(EvaluationReport(step: 0, stage: .dense, loss: 0, rows: 3, tokens: 40, seconds: 1)))
                == #"{"type":"evaluation","step":0,"stage":"dense","loss":0,"perplexity":1,"rows":3,"tokens":40,"seconds":1}"#)
        #expect(MetricsFile.line(.warning(step: 2, message: "a\n\"b\"")) == #"{"type":"warning","step":2,"message":"a\n\"b\""}"#)
        #expect(MetricsFile.line(.sample(step: 2, prompt: "p", text: "é\u{85}")) == "{\"type\":\"sample\",\"step\":2,\"stage\":\"healing\",\"prompt\":\"p\",\"text\":\"é\u{85}\"}")
        #expect(
            MetricsFile.line(.end(EndReport(ending: .early, step: 20, totalSteps: 200, resultStep: 16, tokens: 8609, seconds: 0.5)))
                == #"{"type":"end","step":20,"ending":"early","total_steps":200,"result_step":16,"tokens":8609,"seconds":0.5}"#)
        #expect(MetricsFile.line(.warning(step: nil, message: "a")) == nil)
        #expect(MetricsFile.line(stepReport(1, loss: .nan))?.contains("\"loss\":null") == true)
    }

    /// Killed at any byte after the checkpoint of step 4 and resumed from it, a run leaves the file of one that never stopped.
    @Test func resumedFileEqualsUninterrupted() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("metrics.jsonl").path
            func write(_ events: [RunEvent], resumedStep: Int?) throws {
                let file = try MetricsFile(path: path, resumedStep: resumedStep)
                for event in events { try file.record(event) }
                try file.synchronize()
                try file.close()
            }
            func contents() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
            try write(events(1...8), resumedStep: nil)
            let whole = try contents()
            #expect(whole.filter { $0 == 0x0A }.count == 12)
            try write(events(1...4), resumedStep: nil)
            let saved = try contents().count
            for killedAt in stride(from: saved, through: whole.count, by: 13) {
                try whole.prefix(killedAt).write(to: URL(fileURLWithPath: path))
                try write(events(5...8), resumedStep: 4)
                #expect(try contents() == whole, "killed at byte \(killedAt)")
            }
            // Going on from the end changes nothing; beginning anew clears the file.
            try write([], resumedStep: 8)
            #expect(try contents() == whole)
            try write([], resumedStep: nil)
            #expect(try contents().isEmpty)
        }
    }

    /// A run that goes on has not ended, wherever it goes on from.
    @Test func endIsTakenBack() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("metrics.jsonl").path
            let end = #"{"type":"end","step":2,"ending":"stopped","total_steps":4,"tokens":9,"seconds":1}"#
            try Data("{\"step\":1}\n{\"step\":2}\n\(end)\n".utf8).write(to: URL(fileURLWithPath: path))
            try MetricsFile(path: path, resumedStep: 2).close()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"step\":1}\n{\"step\":2}\n")
        }
    }

    @Test func foreignLinesAreTakenOut() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("metrics.jsonl").path
            try Data("{\"step\":1}\nnonsense\n\u{0}\n[]\n{\"step\":\"2\"}\n{\"step\":2}\n{\"step\":3}\n{\"step\":".utf8).write(to: URL(fileURLWithPath: path))
            try MetricsFile(path: path, resumedStep: 2).close()
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"step\":1}\n{\"step\":2}\n")
        }
    }

    @Test func failuresNameTheFile() throws {
        let error = #expect(throws: StorageError.self) { try MetricsFile(path: "/dev/null/metrics.jsonl", resumedStep: nil) }
        #expect(error?.description == "/dev/null/metrics.jsonl: cannot open (Not a directory)")
        // A disk that is full.
        let full = try MetricsFile(path: "/dev/full", resumedStep: 0)
        let disk = #expect(throws: StorageError.self) { try full.record(stepReport(1, loss: 1)) }
        #expect(disk?.description == "/dev/full: cannot write: no space is left; free some or write elsewhere (No space left on device)")
    }
}
