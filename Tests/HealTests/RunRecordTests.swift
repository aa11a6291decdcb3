import Foundation
import Testing

/// What a run leaves behind to know later how it came about.
struct RunRecordTests {
    @Test func configurationStartsAndLog() throws {
        try withTemporaryDirectory { directory in
            let run = directory.path + "/run"
            func text(_ name: String) throws -> String { try String(contentsOfFile: run + "/" + name, encoding: .utf8) }
            let first = try Program.run(JobCommandTests.settings(directory, steps: 2))
            #expect(first.status == 0, "\(first.errors)")
            // All that was printed, word for word.
            let log = try text("log.txt")
            #expect(log.hasPrefix("--- ") && log.contains("heal 0.1.0: heal --config") && log.hasSuffix(first.output), "\(log)")

            let second = try Program.run(JobCommandTests.settings(directory, steps: 4) + ["--resume"])
            #expect(second.status == 0, "\(second.errors)")
            #expect(try text("log.txt").hasPrefix(log) && text("log.txt").hasSuffix(second.output))
            let refused = try Program.run(JobCommandTests.settings(directory, steps: 4))
            #expect(refused.status == 65)

            let starts = try text("starts.jsonl").split(separator: "\n").map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
            #expect(starts.count == 2 && starts[0]["resumed_step"] is NSNull && starts[1]["resumed_step"] as? Int == 2)
            for key in ["date", "program", "host", "system", "processor", "libraries", "threads", "dtype", "configuration"] { #expect(starts[1][key] != nil, "\(key)") }
            #expect((starts[1]["configuration"] as? [String: Any])?["max_steps"] as? Int == 4)

            // The configuration is one: it makes the same run.
            let again = try Program.run(["--config", run + "/configuration.json", "--dry-run"])
            #expect(again.status == 0 && again.output.contains("4 steps"), "\(again.output) \(again.errors)")
        }
    }

    /// An error is in the log, too. One that cannot be written takes nothing with it.
    @Test func errorsAreLogged() throws {
        try withTemporaryDirectory { directory in
            let run = directory.path + "/run"
            try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: run + "/log.txt", withDestinationPath: "/dev/full")
            let full = try Program.run(JobCommandTests.settings(directory, steps: 2))
            #expect(full.status == 0 && full.errors.contains("the log cannot be written"), "\(full.errors)")
            try FileManager.default.removeItem(atPath: run + "/log.txt")
            let failed = try Program.run(JobCommandTests.settings(directory, steps: 3) + ["trainable=[\"nothing\"]", "output_dir=\(directory.path)/other"])
            let log = try String(contentsOfFile: directory.path + "/other/log.txt", encoding: .utf8)
            #expect(failed.status == 78 && log.contains("matches no weight"), "\(log)")
        }
    }
}
