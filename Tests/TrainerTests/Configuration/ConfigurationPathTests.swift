import Foundation
import Testing
@testable import Trainer

@Suite struct ConfigurationPathTests {
    /// A repository with `configs/x.json`, `models/tiny/config.json` and `datasets/a.jsonl`.
    private func withProject(_ keys: String, _ overrides: [String] = [], _ body: (Configuration, String) throws -> Void) throws {
        try withTemporaryDirectory { root in
            for folder in ["configs", "models/tiny", "models/empty", "datasets"] {
                try FileManager.default.createDirectory(at: root.appendingPathComponent(folder), withIntermediateDirectories: true)
            }
            try Data("{}".utf8).write(to: root.appendingPathComponent("models/tiny/config.json"))
            try Data("{}".utf8).write(to: root.appendingPathComponent("datasets/a.jsonl"))
            let file = root.appendingPathComponent("configs/x.json")
            try Data("{\n\(keys)\n}".utf8).write(to: file)
            try body(try Configuration.load(path: file.path, overrides: overrides), root.path)
        }
    }

    @Test func foundAboveTheConfiguration() throws {
        try withProject("\"model\": \"models/tiny\",\n\"datasets\": [{\"path\": \"datasets/a.jsonl\"}]") { configuration, root in
            let issues = try configuration.checkPaths()
            #expect(issues.isEmpty)
            #expect(configuration.existingPath("datasets/a.jsonl") == "\(root)/datasets/a.jsonl")
            #expect(configuration.existingPath("datasets/b.jsonl") == nil)
            #expect(configuration.existingPath("\(root)/datasets/a.jsonl") == "\(root)/datasets/a.jsonl")
            // The working directory comes first.
            #expect(configuration.existingPath("/") == "/")
        }
    }

    @Test func everythingMissing() throws {
        let keys = """
            "model": "models/Llama-2-7b-hf",
            "tokenizer": "nowhere",
            "datasets": [
              {"path": "datasets/a.jsonl"},
              {"path": "datasets/full/alpaca.jsonl"},
              {"path": "datasets"}
            ],
            "resume_from_checkpoint": "runs/none.h5",
            "output_dir": "/dev/null/run"
            """
        try withProject(keys) { configuration, root in
            let file = "\(root)/configs/x.json"
            let issues = try configuration.checkPaths()
            #expect(
                issues.map(\.description) == [
                    "\(file):2: model: no such model: models/Llama-2-7b-hf, nor \(root)/models/Llama-2-7b-hf. Accept its licence at "
                        + "https://huggingface.co/meta-llama/Llama-2-7b-hf, run `hf auth login`, then get it (13.5 GB) with: hf download meta-llama/Llama-2-7b-hf "
                        + "--include '*.json' --include '*.jinja' --include '*.safetensors' --include 'tokenizer*' --exclude 'consolidated*' --local-dir models/Llama-2-7b-hf   (the command comes with: pip install huggingface_hub)",
                    "\(file):3: tokenizer: no such file or directory: nowhere, nor \(root)/nowhere",
                    "\(file):6: datasets[1].path: no such file: datasets/full/alpaca.jsonl, nor \(root)/datasets/full/alpaca.jsonl. datasets/README.md says how to get it",
                    "\(file):7: datasets[2].path: \(configuration.existingPath("datasets")!) is a directory; expected a .jsonl, .json, .txt or .gz file, "
                        + "such as \(configuration.existingPath("datasets")!)/alpaca-dolly.jsonl",
                    "\(file):9: resume_from_checkpoint: no such checkpoint: runs/none.h5, nor \(root)/runs/none.h5",
                    "\(file):10: output_dir: /dev/null/run: cannot be made: /dev/null is not a directory. Set output_dir to a directory that can be written to",
                ])
        }
    }

    @Test func directoryWithoutModelAndCommandLine() throws {
        let keys = "\"model\": \"models/empty\",\n\"datasets\": [{\"path\": \"datasets/a.jsonl\"}]"
        try withProject(keys, ["datasets[0].path=none.jsonl"]) { configuration, root in
            let issues = try configuration.checkPaths()
            #expect(issues.count == 2)
            #expect(issues[0].description.hasPrefix("\(root)/configs/x.json:2: model: \(root)/models/empty holds no model"))
            #expect(issues[1].description.hasPrefix("--set datasets[0].path: no such file: none.jsonl"))
        }
    }

    /// What is no file is not opened, and a name that is no path gets another advice than a path that is not there.
    @Test(arguments: [
        ("/dev/zero", "/dev/zero is a device, not a file"), ("HuggingFaceH4/ultrachat_200k", "no such file: HuggingFaceH4/ultrachat_200k"),
        ("https://example.org/rows.jsonl", "https://example.org/rows.jsonl is an address (https)"), ("s3://bucket/rows.jsonl", "s3://bucket/rows.jsonl is an address (s3)"),
    ])
    func whatIsNoFile(path: String, expected: String) throws {
        try withProject("\"model\": \"models/tiny\",\n\"datasets\": [{\"path\": \"\(path)\"}]") { configuration, root in
            let issue = try configuration.checkPaths().first { $0.key == "datasets[0].path" }
            #expect(issue?.message.hasPrefix(expected) == true, "\(issue?.message ?? "nothing")")
            // It has no split "train".
            #expect((issue?.message.contains(#"load_dataset("HuggingFaceH4/ultrachat_200k", split="train_sft")"#) == true) == path.hasPrefix("Hugging"))
        }
    }

    @Test func knownModels() throws {
        #expect(KnownModel.known("SmolLM2-135M-Instruct")?.hub == "HuggingFaceTB/SmolLM2-135M-Instruct")
        #expect(KnownModel.known("TinyLlama")?.hub == "TinyLlama/TinyLlama-1.1B-Chat-v1.0")
        #expect(KnownModel.known("smollm2-135m")?.isGated == false)
        #expect(KnownModel.known("x") == nil)
        #expect(KnownModel.known("") == nil)
    }
}
