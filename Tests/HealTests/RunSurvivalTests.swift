import Foundation
import Testing

/// What happens around a run must not lose it.
struct RunSurvivalTests {
    private func line(_ directory: URL, steps: Int, _ more: String = "") -> String {
        "heal " + JobCommandTests.settings(directory, steps: steps).map { "'\($0)'" }.joined(separator: " ") + " \(more)"
    }

    private func checkpoints(_ directory: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path + "/run").filter { $0.hasSuffix(".h5") }
    }

    /// No standard output at all, one that nobody reads, and one on a full disk.
    @Test(arguments: [">&-", ">&- 2>&- <&-", "> /dev/full", "| true"]) func withoutAReader(_ output: String) throws {
        try withTemporaryDirectory { directory in
            let outcome = try Program.shell(line(directory, steps: 3, output))
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try checkpoints(directory) == ["checkpoint-00000003.h5"])
            let inspected = try Program.run(["inspect", directory.path + "/run", "--json"])
            #expect(inspected.status == 0, "\(inspected.errors)")
        }
    }

    /// Nothing waits for the reader of a pipe in the output directory.
    @Test func pipesInTheOutputDirectory() throws {
        try withTemporaryDirectory { directory in
            let run = directory.path + "/run"
            let refused = try Program.shell("mkdir \(run); mkfifo \(run)/metrics.jsonl; " + line(directory, steps: 2))
            #expect(refused.status == 73 && refused.errors.contains("\(run)/metrics.jsonl: is a pipe, not a file"), "\(refused.errors)")
            // The log is not worth a run.
            let done = try Program.shell("rm \(run)/metrics.jsonl \(run)/log.txt; mkfifo \(run)/log.txt; " + line(directory, steps: 2))
            #expect(done.status == 0 && done.errors.contains("there is no log: \(run)/log.txt: is a pipe, not a file"), "\(done.errors)")
        }
    }

    /// A second run keeps out.
    @Test func oneRunADirectory() throws {
        try withTemporaryDirectory { directory in
            let run = directory.path + "/run"
            let refused = try Program.shell("mkdir \(run); exec 9> \(run)/.lock; flock -n 9; " + line(directory, steps: 2, "9>&-"))
            #expect(refused.status == 73 && refused.errors.contains("\(run): another run is writing here"), "\(refused.errors)")
        }
    }

    /// A command that is there for its output fails where that cannot be written.
    @Test func outputThatIsTheWork() throws {
        let outcome = try Program.shell("heal inspect models/stories260K >&-")
        #expect(outcome.status == 74 && outcome.errors.contains("standard output"), "\(outcome.status): \(outcome.errors)")
    }

    /// Under nohup a closed terminal is nothing to the run.
    @Test func nohupStaysInForce() throws {
        try withTemporaryDirectory { directory in
            let script = "trap '' HUP; \(line(directory, steps: 30)) & sleep 0.3; kill -HUP $!; wait $!"
            let outcome = try Program.shell(script)
            #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
            #expect(try checkpoints(directory) == ["checkpoint-00000030.h5"])
        }
    }

    /// The checkpoint has all that the run needs of its model.
    @Test func goesOnWithoutTheDenseModel() throws {
        try withTemporaryDirectory { directory in
            let model = directory.path + "/model"
            try FileManager.default.copyItem(atPath: Program.repository.path + "/" + Program.model, toPath: model)
            let settings = JobCommandTests.settings(directory, steps: 3) + ["model=\(model)", "compression.calibration.datasets=[{\"path\":\"\(directory.path)/rows.jsonl\"}]"]
            try FileManager.default.copyItem(atPath: Program.repository.path + "/datasets/alpaca-dolly.jsonl", toPath: directory.path + "/rows.jsonl")
            let first = try Program.run(settings)
            #expect(first.status == 0, "\(first.errors)")
            try FileManager.default.removeItem(atPath: model)
            try FileManager.default.removeItem(atPath: directory.path + "/rows.jsonl")
            let steps = settings.map { $0 == "max_steps=3" ? "max_steps=5" : $0 }
            let second = try Program.run(steps + ["--resume"])
            #expect(second.status == 0 && second.output.contains("step 3"), "\(second.output) \(second.errors)")
            // A teacher is the dense model.
            let taught = try Program.run(steps.map { $0 == "max_steps=5" ? "max_steps=7" : $0 } + ["distillation.weight=0.5", "--resume", "--allow-changes", "distillation"])
            #expect(taught.status == 78 && taught.errors.contains("distillation.teacher") && taught.errors.contains(model), "\(taught.errors)")
        }
    }

    /// With no file descriptor left, the run ends, but not without a checkpoint of what it has done.
    @Test func withoutDescriptors() throws {
        var saved = 0
        for limit in 15...26 {
            try withTemporaryDirectory { directory in
                let settings = JobCommandTests.settings(directory, steps: 2).map { $0 == "save_steps=1000" ? "save_steps=1" : $0 }
                let line = settings.map { "'\($0)'" }.joined(separator: " ")
                let outcome = try Program.shell("ulimit -n \(limit); heal \(line)")
                if outcome.status == 0 || !outcome.output.contains("tok/s") { return }
                #expect(outcome.errors.contains("Too many open files") && outcome.errors.contains("saved up to step 1 in "), "\(limit): \(outcome.errors)")
                #expect(try checkpoints(directory).count == 1)
                saved += 1
            }
        }
        #expect(saved > 0, "some limit lets a run begin, but not save")
    }

    /// What the cores are is decided when they are found.
    @Test func refusesWhatWouldHaveNoEffect() throws {
        try withTemporaryDirectory { directory in
            #expect(try Program.run(JobCommandTests.settings(directory, steps: 3)).status == 0)
            let settings = JobCommandTests.settings(directory, steps: 5)
            for (change, key, reason) in [("compression.keep=0.2", "compression", "the cores are in the checkpoint"), ("trainable=[\"*norm\"]", "trainable", "moments")] {
                let refused = try Program.run(settings + [change, "--resume", "--allow-changes", key])
                #expect(refused.status == 65 && refused.errors.contains("cannot change") && refused.errors.contains(reason), "\(refused.errors)")
                #expect(!refused.errors.contains("accepts it"))
            }
        }
    }
}
