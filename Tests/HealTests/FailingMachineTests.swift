import Foundation
import Testing

/// What the machine cannot do is told as such, with the file, and loses nothing.
struct FailingMachineTests {
    /// Memory that is not there any more ends the program with words, not with a signal.
    @Test func aModelThatIsCutOff() throws {
        try withTemporaryDirectory { directory in
            let model = directory.path + "/model"
            try FileManager.default.copyItem(atPath: Program.repository.path + "/" + Program.model, toPath: model)
            let outcome = try Program.shell(
                """
                mkfifo \(directory.path)/in; '\(Program.url.path)' score --model \(model) --text - < \(directory.path)/in & exec 3> \(directory.path)/in
                for i in {1..1000}; do grep -q model.safetensors /proc/$!/maps && break; sleep 0.01; done
                truncate -s 4096 \(model)/model.safetensors; echo 'Once upon a time there was a cat.' >&3; exec 3>&-; wait $!
                """)
            #expect(outcome.status == 74 && outcome.errors.contains("model.safetensors"), "\(outcome.status): \(outcome.errors)")
            #expect(outcome.errors.contains("cut off") || outcome.errors.contains("changed by another program"), "\(outcome.errors)")
        }
    }

    /// With little address space the libraries for products hang or crash: that is said before.
    @Test func littleAddressSpaceIsSaid() throws {
        let outcome = try Program.shell("ulimit -v 16000000; '\(Program.url.path)' score --model \(Program.model) --ids '[1, 403, 407]'")
        #expect(outcome.errors.contains("the address space of this process is limited to 15.3 GiB (`ulimit -v`)"), "\(outcome.errors)")
    }

    /// What the machine lacks is no mistake of the configuration or of the files.
    @Test(arguments: ["", "validate", "preview"]) func tooFewDescriptors(_ command: String) throws {
        try withTemporaryDirectory { directory in
            let words = JobCommandTests.settings(directory, steps: 2).map { "'\($0)'" }.joined(separator: " ")
            // From where a program can hardly be loaded to where it has all it needs. Dispatch, which ends a program without words, is passed over.
            var told = 0
            for limit in 4...9 {
                let outcome = try Program.shell("(ulimit -n \(limit); '\(Program.url.path)' \(command) \(words) \(command.isEmpty ? "--dry-run" : ""))")
                guard outcome.status != 0, outcome.errors.contains("heal: ") else { continue }
                told += 1
                #expect(outcome.status == 74 && outcome.errors.contains("raise the limit (ulimit -n)"), "\(limit): \(outcome.status) \(outcome.errors)")
            }
            #expect(told > 0)
        }
    }

    /// The output directory is taken away while the run goes on.
    @Test func theOutputDirectoryGoes() throws {
        try withTemporaryDirectory { directory in
            let line = "heal " + JobCommandTests.settings(directory, steps: 60).map { "'\($0)'" }.joined(separator: " ")
            let outcome = try Program.shell(
                """
                \(line) & for i in {1..3000}; do (( $(grep -c '"type":"step"' \(directory.path)/run/metrics.jsonl 2>/dev/null || echo 0) > 2 )) && break; sleep 0.01; done
                mv \(directory.path)/run \(directory.path)/gone; wait $!
                """)
            #expect(outcome.status == 74 && outcome.errors.contains("\(directory.path)/run: was moved away or removed"), "\(outcome.status): \(outcome.errors)")
            #expect(FileManager.default.fileExists(atPath: directory.path + "/run/checkpoint-00000060.h5"), "the last step is saved all the same")
        }
    }

    @Test func aCacheThatCannotBeMade() throws {
        try withTemporaryDirectory { directory in
            try Data().write(to: directory.appendingPathComponent("answers"))
            let settings = JobCommandTests.settings(directory, steps: 2)
            let refused = try Program.run(["validate"] + settings + ["distillation.weight=0.5", "distillation.cache=\(directory.path)/answers/x"])
            #expect(refused.status == 65 && refused.errors.contains("\(directory.path)/answers"), "\(refused.errors)")
        }
    }

    /// `validate` tries to write, and leaves nothing.
    @Test func whereNothingCanBeMade() throws {
        let refused = try Program.run(["validate", "--config", Program.configuration, "--set", "output_dir=/proc/heal/run"])
        #expect(refused.status == 65 && refused.errors.contains("output_dir") && refused.errors.contains("/proc/heal"), "\(refused.errors)")
        try withTemporaryDirectory { directory in
            _ = try Program.run(["validate", "--config", Program.configuration, "--set", "output_dir=\(directory.path)/a/b"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        }
    }
}
