import Foundation
import Testing

/// `train` and the commands around it, on the embedded model.
struct JobCommandTests {
    static func settings(_ directory: URL, steps: Int) -> [String] {
        [
            "--config", Program.configuration, "--set", "output_dir=\(directory.path)/run", "max_steps=\(steps)", "max_seq_length=64",
            "per_device_train_batch_size=2", "lr_scheduler_type=constant", "learning_rate=2e-3", "warmup_steps=0", "eval_max_rows=4", "save_steps=1000", "logging_steps=1",
            "sample_steps=null", "min_lr_ratio=0", "export=null",
        ]
    }

    @Test func dryRunWritesNothing() throws {
        try withTemporaryDirectory { directory in
            let outcome = try Program.run(Self.settings(directory, steps: 5) + ["--dry-run"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            for part in ["parameters", "cores and bonds", "contraction", "q_proj", "memory", "epoch", "time", "Nothing was computed or written."] {
                #expect(outcome.output.contains(part), "\(part)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        }
    }

    /// The plan of a model follows from its config.json. What is missing is named; what hangs on it is not made up.
    @Test func dryRunWithoutWeightsOrData() throws {
        try withTemporaryDirectory { directory in
            let model = directory.appendingPathComponent("model"), source = Program.repository.appendingPathComponent(Program.model)
            try FileManager.default.copyItem(at: source, to: model)
            let settings = Self.settings(directory, steps: 5) + ["model=\(model.path)", "--dry-run"]
            let whole = try Program.run(settings)
            #expect(whole.status == 0 && !whole.output.contains("Not looked at"), "\(whole.errors)")
            func table(_ outcome: Program.Outcome) -> [String] { outcome.lines.filter { $0.contains("_proj") }.map { String($0.prefix(66)) } }
            try FileManager.default.removeItem(at: model.appendingPathComponent("model.safetensors"))
            let weightless = try Program.run(settings)
            #expect(weightless.status == 0 && weightless.output.contains("Not looked at:\n  \(model.path)"), "\(weightless.output) \(weightless.errors)")
            #expect(table(weightless) == table(whole) && weightless.output.contains("849 rows"))

            for name in try FileManager.default.contentsOfDirectory(atPath: model.path) where name != "config.json" {
                try FileManager.default.removeItem(at: model.appendingPathComponent(name))
            }
            let bare = try Program.run(settings.map { $0 == "max_steps=5" ? "max_steps=-1" : $0 } + ["--set", "datasets=[{\"path\":\"nowhere.jsonl\"}]"])
            #expect(bare.status == 0 && table(bare) == table(whole), "\(bare.output) \(bare.errors)")
            for part in ["nowhere.jsonl", "not counted", "passes over the data"] { #expect(bare.output.contains(part), "\(part) is not in\n\(bare.output)") }
            try FileManager.default.removeItem(at: model.appendingPathComponent("config.json"))
            #expect(try Program.run(settings).status != 0)
        }
    }

    /// Sizes that calibration chooses are no numbers yet; those of plain TT-SVD are.
    @Test func planIsAsExactAsItCanBe() throws {
        let auto = try Program.run(["--config", Program.configuration, "--dry-run"])
        #expect(auto.output.contains("260,032 -> about 160,000") && auto.output.contains("24 matrices share 67,584 parameters"), "\(auto.output)")
        let plain = try Program.run(["--config", Program.configuration, "--dry-run", "--set", "compression.init=svd"])
        #expect(plain.output.contains(/260,032 -> 1\d\d,\d\d\d \(/) && !plain.output.contains("share"), "\(plain.output)")
        // All phases have their time.
        for part in ["dense evaluation", "decomposition", "4 evaluations", "150 steps", "3 checkpoints", "export"] { #expect(auto.output.contains(part), "\(part)") }
    }

    /// A run, what its checkpoint is good for, and going on from it with a bare `--resume`.
    @Test func trainsInspectsExportsResumes() throws {
        try withTemporaryDirectory { directory in
            let run = directory.path + "/run"
            let first = try Program.run(Self.settings(directory, steps: 3))
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.lines.count { $0.contains("loss") && $0.contains("tok/s") } == 3)
            #expect(first.output.contains("truncated") && first.output.contains("too few to say what was lost and won back"), "\(first.output)")

            let again = try Program.run(Self.settings(directory, steps: 3))
            #expect(again.status == 65 && again.errors.contains("--resume"))
            let changed = try Program.run(Self.settings(directory, steps: 5) + ["learning_rate=0.001", "--resume"])
            #expect(changed.status == 65 && changed.errors.contains("the same run:\n  learning_rate: ") && changed.errors.contains("--allow-changes learning_rate"), "\(changed.errors)")
            let resumed = try Program.run(Self.settings(directory, steps: 5) + ["--resume"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(resumed.output.contains("going on from \(run)/checkpoint-00000003.h5, step 3"))

            let inspected = try Program.run(["inspect", run, "--json"]).object()
            #expect((inspected["run"] as? [String: Any])?["step"] as? Int == 5)
            #expect(inspected["kind"] as? String == "checkpoint" && inspected["dense_parameters"] as? Int == 260_032)

            // The same weights in three forms give the same losses.
            let losses = try ["hf", "mpo"].map { form in
                let exported = try Program.run(["export", "--checkpoint", run, "--to", form, "--dtype", "fp32", "\(directory.path)/\(form)"])
                #expect(exported.status == 0, "\(exported.errors)")
                return try Self.losses("\(directory.path)/\(form)")
            }
            let own = try Self.losses(run)
            #expect(try Self.losses(run + "/latest") == own)
            let best = try Program.run(["inspect", run + "/best"])
            #expect(best.status == 65 && best.errors.contains("does not say which checkpoint is the best"), "\(best.status): \(best.errors)")
            // An export must not take the place of the model that it is made from.
            let onto = try Program.run(["export", "--checkpoint", directory.path + "/mpo", "--to", "hf", "--overwrite", directory.path + "/../\(directory.lastPathComponent)/mpo/"])
            #expect(onto.status == 73 && onto.errors.contains("is the model that is exported"), "\(onto.status): \(onto.errors)")
            #expect(FileManager.default.fileExists(atPath: directory.path + "/mpo/mpo.safetensors"))
            for found in losses { #expect(found.count == own.count && zip(found, own).allSatisfy { abs($0 - $1) < 1e-3 }) }
        }
    }

    static func losses(_ model: String) throws -> [Double] {
        let found = try Program.run(["score", "--model", model, "--ids", "[1,403,407,261,378,432,383,286]", "--json"]).object()
        return try #require(found["nll"] as? [Double])
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143)), (SIGHUP, Int32(129))]) func signalSavesAndLeaves(_ signal: Int32, _ status: Int32) throws {
        try withTemporaryDirectory { directory in
            let output = directory.appendingPathComponent("output")
            try Data().write(to: output)
            let process = Program.start(Self.settings(directory, steps: 1_000_000))
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = FileHandle.nullDevice
            try process.run()
            func text() throws -> String { String(decoding: try Data(contentsOf: output), as: UTF8.self) }
            let deadline = Date().addingTimeInterval(120)
            while !(try text().contains("tok/s")), process.isRunning, Date() < deadline { usleep(20_000) }
            // `timeout` signals the process and then its group: at once, the same signal twice is one request.
            kill(process.processIdentifier, signal)
            usleep(5_000)
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            #expect(process.terminationStatus == status)
            let said = try text()
            #expect(said.contains("stopped after step ") && said.contains("--resume"), "\(said)")
            let saved = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/run").filter { $0.hasSuffix(".h5") }
            #expect(saved.count == 1)
        }
    }

    @Test func compressesAndReportsErrors() throws {
        try withTemporaryDirectory { directory in
            let outcome = try Program.run(["compress", "--config", Program.configuration, "--out", directory.path + "/mpo"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("mean error"))
            let inspected = try Program.run(["inspect", directory.path + "/mpo"]).output
            #expect(inspected.contains("mpo export") && inspected.contains("35 of 35 matrices are compressed"), "\(inspected)")
            #expect(try Self.losses(directory.path + "/mpo").allSatisfy { $0.isFinite })
        }
    }

    /// What one command has decomposed, the next one finds.
    @Test func compressesOnce() throws {
        try withTemporaryDirectory { directory in
            let cache = directory.path + "/cache"
            func compress(_ name: String) throws -> [String: Date] {
                let arguments = ["compress", "--config", Program.configuration, "--set", "compression.cache=\(cache)", "--out", directory.path + "/" + name]
                let outcome = try Program.run(arguments)
                #expect(outcome.status == 0, "\(outcome.errors)")
                let files = try FileManager.default.contentsOfDirectory(atPath: cache)
                return try Dictionary(uniqueKeysWithValues: files.map { file in
                    (file, try FileManager.default.attributesOfItem(atPath: cache + "/" + file)[.modificationDate] as! Date)
                })
            }
            let first = try compress("a"), second = try compress("b")
            #expect(first.count > 35 && first == second)
            #expect(FileManager.default.contentsEqual(atPath: directory.path + "/a/mpo.safetensors", andPath: directory.path + "/b/mpo.safetensors"))
        }
    }

    @Test func previewMarksWhatIsTrained() throws {
        let plain = try Program.run(["preview", "--config", Program.configuration, "-n", "4"]).output
        #expect(plain.contains("⟦") && plain.contains("</s>⟧") && !plain.contains("\u{1B}"))
        let coloured = try Program.run(["preview", "--config", Program.configuration, "-n", "1", "--color", "always"]).output
        #expect(coloured.contains("\u{1B}[32m") && !coloured.contains("⟦"))
    }

    @Test func validationFindsNothingWrong() throws {
        let outcome = try Program.run(["validate", "--config", Program.configuration])
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        #expect(outcome.lines.last?.hasPrefix("ok: parameters 260,032 -> ") == true)
    }

    @Test func validationTellsWhatIsLongerThanARow() throws {
        try withTemporaryDirectory { directory in
            let chats = directory.appendingPathComponent("chats.jsonl"), texts = directory.appendingPathComponent("texts.jsonl")
            let long = String(repeating: "Lily went to the park. ", count: 20)
            try Data("{\"instruction\":\"a\",\"output\":\"b\"}\n{\"instruction\":\"a\",\"output\":\"\(long)\"}\n".utf8).write(to: chats)
            try Data("{\"text\":\"\(long)\"}\n{\"text\":\"\(long)\"}\n".utf8).write(to: texts)
            let outcome = try Program.run([
                "validate", "--config", Program.configuration, "--set", "max_seq_length=64", "compression.init=svd", "datasets=[{\"path\":\"\(chats.path)\"},{\"path\":\"\(texts.path)\"}]",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains(", 1 cut to 64") && outcome.output.contains(", 2 give a part of up to 64 tokens in each pass"), "\(outcome.output)")
        }
    }

    @Test func validationFindsEverythingAtOnce() throws {
        try withTemporaryDirectory { directory in
            let rows = directory.appendingPathComponent("rows.jsonl")
            try Data("{\"instruction\":\"a\",\"output\":\"b\"}\n{\"instruction\":\"a\"}\n\n{\"instruction\":7,\"output\":\"b\"}\n".utf8).write(to: rows)
            let file = directory.appendingPathComponent("configuration.json")
            try Data("""
                {
                  "model": "models/stories260K",
                  "chat_template": "plain",
                  "datasets": [
                    { "path": "\(rows.path)" },
                    { "path": "nowhere.jsonl" }
                  ],
                  "max_seq_length": 600,
                  "lerning_rate": 1,
                  "compression": { "rules": [{ "match": "qq_proj", "keep": 0.5 }] }
                }
                """.utf8).write(to: file)
            let outcome = try Program.run(["validate", "--config", file.path])
            #expect(outcome.status == 65)
            for part in [
                "\(file.path):9: lerning_rate", "\(file.path):6: datasets[1].path: no such file", "\(file.path):8: max_seq_length", "\"qq_proj\" matches no matrix",
                "\(rows.path):2: ", "\(rows.path):4: ", "heal: 6 mistakes",
            ] { #expect(outcome.errors.contains(part), "\(part) is not in\n\(outcome.errors)") }
        }
    }
}
