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

            // The parameters are those of the cores that there are, not those that were planned.
            func object(_ text: String) throws -> [String: Any] { try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) }
            let found = try object(text("run.json")), inspected = try Program.run(["inspect", run, "--json"]).object()
            let model = try #require(found["model"] as? String)
            #expect(found["parameters"] as? Int == inspected["parameters"] as? Int && model.hasSuffix("models/stories260K"), "\(found)")

            // As a version wrote it that kept less of each start.
            let facts = URL(fileURLWithPath: run + "/run.json")
            var older = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: facts)) as? [String: Any])
            let known = ["began", "step", "program", "processor", "threads", "ranks", "dtype", "libraries"]
            older["sessions"] = (older["sessions"] as? [[String: Any]])?.map { $0.filter { known.contains($0.key) } }
            try JSONSerialization.data(withJSONObject: older).write(to: facts)

            let second = try Program.run(JobCommandTests.settings(directory, steps: 4) + ["--resume"])
            #expect(second.status == 0, "\(second.errors)")
            #expect(try text("log.txt").hasPrefix(log) && text("log.txt").hasSuffix(second.output))
            let refused = try Program.run(JobCommandTests.settings(directory, steps: 4))
            #expect(refused.status == 65)

            let starts = try #require(try object(text("run.json"))["sessions"] as? [[String: Any]])
            #expect(try object(text("run.json"))["model"] as? String == model)
            #expect(starts.map { $0["step"] as? Int } == [0, 2] && starts[0]["host"] == nil)
            for key in ["host", "system", "flags", "loops", "bf16Products", "usableProcessors", "totalSteps", "configuration"] + known { #expect(starts[1][key] != nil, "\(key)") }
            let keys = try #require(starts[1]["configuration"] as? [String: String])
            #expect(keys["max_steps"] == "4" && keys["adam_beta2"] != nil && keys["datasets[0].path"] != nil)
            #expect(!FileManager.default.fileExists(atPath: run + "/starts.jsonl"))
            let report = try Program.run(["report", run, "--out", directory.path + "/report.html"])
            #expect(report.status == 0, "\(report.errors)")
            #expect(try String(contentsOfFile: directory.path + "/report.html", encoding: .utf8).contains(", from step 2"))

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
            let diverging = ["learning_rate=10", "weight_decay=10", "val_size=0", "compression.init=svd", "output_dir=\(directory.path)/other"]
            let failed = try Program.run(JobCommandTests.settings(directory, steps: 60) + diverging)
            let log = try String(contentsOfFile: directory.path + "/other/log.txt", encoding: .utf8)
            let told = try #require(failed.errors.split(separator: "\n").first { $0.hasPrefix("heal: ") })
            #expect(failed.status == 1 && log.contains(told), "\(log)")
        }
    }
}
