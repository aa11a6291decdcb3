import Foundation
import Testing

/// What is forecast before a run agrees with the run, and with itself.
struct ForecastTests {
    private func write(_ rows: Int, _ path: String, _ row: (Int) -> String = { "{\"instruction\":\"say \($0)\",\"output\":\"word \($0)\"}" }) throws {
        try Data((0..<rows).map(row).joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
    }

    private func settings(_ directory: URL, _ rows: String, _ more: [String]) -> [String] {
        JobCommandTests.settings(directory, steps: 2) + ["max_seq_length=512", "val_size=0", "compression.init=svd", "datasets=[{\"path\":\"\(rows)\"}]"] + more
    }

    private func number(_ text: String, _ pattern: Regex<(Substring, Substring)>) throws -> Double {
        let match = try #require(text.firstMatch(of: pattern), "\(text)")
        return try #require(Double(match.output.1.replacing(",", with: "")))
    }

    /// A few short rows: each step takes them many times.
    @Test func passesAreThoseOfTheRun() throws {
        try withTemporaryDirectory { directory in
            let rows = directory.path + "/rows.jsonl"
            try write(40, rows)
            let plan = try Program.run(settings(directory, rows, ["--dry-run"]))
            #expect(plan.status == 0, "\(plan.errors)")
            let passes = try number(plan.output, /2 steps, about ([0-9.,]+) passes over the data/)
            #expect(try Program.run(settings(directory, rows, [])).status == 0)
            let metrics = try String(contentsOfFile: directory.path + "/run/metrics.jsonl", encoding: .utf8)
            let line = try #require(metrics.split(separator: "\n").last { $0.contains("\"type\":\"step\"") })
            let epoch = try number(String(line), /"epoch":([0-9.]+)/)
            #expect(passes > 1 && abs(passes / epoch - 1) < 0.01, "\(passes), \(epoch)")
            let epochs = try Program.run(settings(directory, rows, ["max_steps=-1", "num_train_epochs=3", "--dry-run"])).output
            #expect(epochs.contains(" steps, 3.00 passes over the data"), "\(epochs)")
        }
    }

    @Test func diskIsWhatIsKept() throws {
        try withTemporaryDirectory { directory in
            let rows = directory.path + "/rows.jsonl"
            try write(40, rows)
            let best = settings(directory, rows, ["val_size=4", "eval_steps=1", "save_steps=1", "save_total_limit=1", "load_best_model_at_end=true"])
            let plan = try Program.run(best + ["--dry-run"]).output
            #expect(plan.contains("MiB a checkpoint, at most 2 kept"), "\(plan)")
            let size = try number(plan, /disk +([0-9.]+) MiB a checkpoint/)
            #expect(try Program.run(best).status == 0)
            let file = try Data(contentsOf: directory.appendingPathComponent("run/checkpoint-00000002.h5")), real = Double(file.count) / Double(1 << 20)
            #expect(abs(size / real - 1) < 0.03, "\(size), \(real)")
        }
    }

    /// Rows to calibrate on are in memory at once.
    @Test func memoryOfTheDecompositionIsTold() throws {
        func memory(_ more: [String]) throws -> Double {
            let plan = try Program.run(["--config", Program.configuration, "--set", "output_dir=runs/never"] + more + ["--dry-run"]).output
            return try number(plan, /about ([0-9.]+) MiB before that, while matrices are decomposed/)
        }
        let few = try memory(["compression.calibration.tokens=512"]), many = try memory([]), plain = try memory(["compression.init=svd"])
        #expect(plain < few && few + 30 < many && (100...330).contains(many), "\(plain), \(few), \(many)")
    }

    /// Every bad row counts, listed or not; copies of held-back rows are not trained on.
    @Test func validationCountsEveryRow() throws {
        try withTemporaryDirectory { directory in
            let bad = directory.path + "/bad.jsonl", rows = directory.path + "/rows.jsonl", held = directory.path + "/held.jsonl"
            try write(70, bad) { _ in "{\"instruction\":\"a\"}" }
            try write(40, rows) { "{\"instruction\":\"say\",\"output\":\"word \($0)\"}" }
            try write(20, held) { "{\"instruction\":\"say\",\"output\":\"word \($0)\"}" }
            func validate(_ datasets: String) throws -> Program.Outcome {
                try Program.run(["validate"] + settings(directory, bad, ["datasets=\(datasets)"]))
            }
            let wrong = try validate("[{\"path\":\"\(bad)\",\"format\":\"alpaca\"}]")
            #expect(wrong.status == 65 && wrong.errors.contains("bad.jsonl: and 60 more bad rows\nheal: 70 mistakes"), "\(wrong.errors)")
            let files = "[{\"path\":\"\(rows)\"},{\"path\":\"\(held)\",\"split\":\"validation\"}]", right = try validate(files)
            #expect(right.status == 0 && right.output.contains("; 60 rows, 20 held back, 20 left out as equal to one of them, 20 samples to train on, "), "\(right.output)")
            let tokens = try number(right.output, /([0-9,]+) tokens computed, [0-9,]+ of them trained/)
            let plan = try Program.run(settings(directory, rows, ["datasets=\(files)", "--dry-run"])).output
            #expect(try number(plan, /epoch +[0-9,]+ steps, ([0-9,]+) tokens computed/) == tokens, "\(plan)")
        }
    }

    /// What a run would find only after the decomposition is found by looking.
    @Test(arguments: [["validate"], []]) func patternsAreLookedAtBefore(_ command: [String]) throws {
        let more = ["--set", "output_dir=runs/never", "trainable=[\"all\"]"] + (command.isEmpty ? ["--dry-run"] : [])
        let outcome = try Program.run(command + ["--config", Program.configuration] + more)
        #expect(outcome.status == (command.isEmpty ? 78 : 65) && outcome.errors.contains("\"all\" matches no weight of this model; [\"*\"] trains every weight"), "\(outcome.errors)")
    }

    @Test func keysThatCannotActOnCoresAreMistakes() throws {
        try withTemporaryDirectory { directory in
            let rows = directory.path + "/rows.jsonl", mpo = directory.path + "/mpo"
            try write(40, rows)
            #expect(try Program.run(["compress", "--config", Program.configuration, "--set", "compression.init=svd", "--out", mpo]).status == 0)
            let file = directory.path + "/again.json"
            func configure(_ compression: String) throws {
                let text = #"{"model": "\#(mpo)", "chat_template": "plain", "datasets": [{"path": "\#(rows)"}], "max_seq_length": 64, "max_steps": 1, "val_size": 0, "#
                    + #""output_dir": "\#(directory.path)/run", "compression": \#(compression)}"#
                try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            }
            try configure(#"{"keep": 0.5, "init": "svd"}"#)
            let commands: [([String], Int32)] = [(["validate", "--config", file], 65), (["--config", file, "--dry-run"], 78), (["--config", file], 78)]
            for (arguments, status) in commands {
                let outcome = try Program.run(arguments)
                #expect(outcome.status == status, "\(arguments): \(outcome.output) \(outcome.errors)")
                for key in ["keep", "init"] { #expect(outcome.errors.contains("compression.\(key): has no effect: no matrix of \(mpo) is left"), "\(arguments): \(outcome.errors)") }
            }
            try configure(#"{"plan": "rebuild"}"#)
            let run = try Program.run(["--config", file])
            #expect(run.status == 0, "\(run.errors)")
            // The program's own record of it makes the same run.
            let again = try Program.run(["--config", directory.path + "/run/configuration.json", "--dry-run"])
            #expect(again.status == 0, "\(again.errors)")
        }
    }
}
