import Foundation
import Testing

/// What goes wrong is told once, on standard error, beginning with the program's name, with its status.
struct ErrorTests {
    struct Case: CustomTestStringConvertible {
        var arguments: [String]
        var status: Int32
        /// A part of the message.
        var says: String
        var testDescription: String { arguments.joined(separator: " ") }

        init(_ line: String, _ status: Int32, _ says: String) {
            arguments = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
            self.status = status
            self.says = says
        }
    }

    static let model = Program.model, configuration = Program.configuration

    static let cases = [
        // The command line.
        Case("", 64, "Missing expected argument '--config <file>'"),
        Case("trian --config \(configuration)", 64, #"unknown command "trian"; did you mean "train"?"#),
        Case(configuration, 64, "heal --config \(configuration)"),
        Case("--config \(configuration) --allow-changes learning_rat", 64, #"did you mean "learning_rate"?"#),
        Case("train --config \(configuration) --threads -1", 64, "--threads is -1"),
        Case("generate --model \(model)", 64, "Give either --prompt or --ids."),
        Case("generate --model \(model) --prompt a --ids [1]", 64, "Give either --prompt or --ids."),
        Case("generate --model \(model) --prompt a --temperature -1", 64, "--temperature is -1.0"),
        Case("generate --model \(model) --prompt a --top-p 0.5", 64, "--top-p has no effect without --temperature"),
        Case("generate --model \(model) --prompt a -n 0", 64, "--max-tokens is 0"),
        Case("generate --model \(model) --prompt a --dtype fp16", 64, "'auto', 'bf16' or 'fp32'"),
        Case("score --model \(model)", 64, "Give one of --text, --ids and --rows."),
        Case("score --model \(model) --ids [1,2] --limit 3", 64, "--limit is about rows of a data set"),
        Case("tokenize --model \(model) --template plain", 64, "--template is about rows"),
        Case("export --checkpoint \(model) --to gguf out", 64, "'hf' and 'mpo'"),
        // Missing files.
        Case("--config configs/none.json", 66, "configs/none.json: no such file"),
        // Names of one letter, which Foundation's path functions crash on.
        Case("--config q", 66, "q: no such file"),
        Case("--config \(configuration) --set tokenizer=z", 66, "--set tokenizer: no such file or directory: z"),
        Case("validate --config \(configuration) --set tokenizer=z", 65, "no such file or directory: z"),
        Case("generate --model \(model) --tokenizer z --prompt a", 66, "z: no such file or directory"),
        Case("report r --out p", 65, "r"),
        Case("--config \(configuration) --set model=m --set output_dir=x --set compression.cache=c --set export.path=e", 66, "no such model: m"),
        Case("--config \(configuration) --set model=none", 66, "--set model: no such model: none"),
        Case("--config \(configuration) --resume none", 66, "none: no such checkpoint"),
        Case("validate --config configs/storys260k.json", 66, "did you mean configs/stories260k.json?"),
        Case("preview --config \(configuration) --set datasets[0].path=none", 66, "datasets[0].path: no such file: none"),
        Case("generate --model none --prompt a", 66, "none: there is no such model"),
        Case("generate --model meta-llama/Llama-2-7b-hf --prompt a", 66, "hf download meta-llama/Llama-2-7b-hf --include"),
        Case("--config https://example.org/a.json", 66, "that is an address, and nothing is downloaded here"),
        Case("--config \(configuration) --set model=https://huggingface.co/a/b", 66, "hf download a/b --include"),
        Case("generate --model \(model) --ids none.json", 66, "none.json: no such file"),
        Case("score --model \(model) --text none.txt", 66, "none.txt: no such file"),
        Case("score --model \(model) --text models", 66, "models: is a directory"),
        Case("tokenize --model none", 66, "none: there is no such model"),
        Case("tokenize --model \(model) --template plain --rows none", 66, "--rows: no such file: none"),
        Case("tokenize --model \(model) --template plain --rows tatsu-lab/alpaca", 66, #"load_dataset("tatsu-lab/alpaca", split="train")"#),
        Case("score --model \(model) --template plain --rows HuggingFaceH4/ultrachat_200k", 66, #"split="train_sft""#),
        Case("score --model \(model) --rows s3://bucket/rows.jsonl", 66, "is an address (s3)"),
        Case("inspect none", 66, "none: there is no such model"),
        Case("export --checkpoint none --to hf out", 66, "none: there is no such model"),
        // The configuration.
        Case("--config \(configuration) --set lerning_rate=1", 78, #"lerning_rate: unknown key; did you mean "learning_rate"?"#),
        Case("--config \(configuration) --set lerning_rate=1 max_steps=x", 78, "heal: 2 mistakes"),
        Case("--config \(configuration) --set output_dir=runs/never compression.legs=[[8,8],[9,8]]", 78, "(and so in 4 other blocks)"),
        Case("compress --out out --config \(configuration) --set compression.cores=1 compression.rules=[]", 78, "no matrix is to be compressed"),
        // Models and data.
        Case("--config \(configuration) --set output_dir=runs/never max_seq_length=1000", 65, "max_position_embeddings: is 512"),
        Case("generate --model \(model) --ids [1,512]", 65, "token 512 is not one of the model's"),
        Case("generate --model \(model) --ids [1,-1]", 65, "token -1 is not one of the model's"),
        Case("generate --model \(model) --ids [1,x]", 65, "expected a token id, a whole number, at byte 4"),
        Case("generate --model \(model) --ids [1,99999999999999999999]", 65, "too large for a token id"),
        Case("generate --model \(model) --ids []", 65, "the prompt is empty"),
        Case("generate --model \(model) --prompt a --chat", 65, "the model has no chat template; give --template"),
        Case("generate --model configs/llama7b.json --prompt a", 65, "is not a model"),
        Case("score --model \(model) --ids [1]", 65, "at least two are needed"),
        Case("score --model \(model) --ids [1,2 --json", 65, "expected"),
        Case("score --model \(model) --text \(model)/model.safetensors", 65, "is not UTF-8 text"),
        Case("score --model \(model) --ids [1,2,3] --context 513", 65, "max_position_embeddings"),
        Case("tokenize --model \(model) --template plain --format sharegpt --rows datasets/alpaca-dolly.jsonl", 65, "alpaca-dolly.jsonl:1: "),
        Case("inspect \(configuration)", 65, "is not a model"),
        // Outputs.
        Case("--config \(configuration) --set output_dir=/proc/none/x", 73, "/proc/none/x"),
        Case("--config \(configuration) --set export.path=datasets output_dir=runs/never", 73, "datasets: holds other files"),
        Case("compress --config \(configuration) --out Package.swift", 73, "Package.swift"),
        Case("export --checkpoint \(model) --to hf datasets", 73, "datasets"),
    ]

    @Test(arguments: cases) func isToldWithItsStatus(_ expected: Case) throws {
        let outcome = try Program.run(expected.arguments)
        #expect(outcome.status == expected.status)
        #expect(outcome.errors.contains(expected.says), "\(outcome.errors)")
        // One message that begins with the program's name, or a list that ends with its count.
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("heal: ") } == 1, "\(outcome.errors)")
        #expect(lines.first?.hasPrefix("heal: ") == true || lines.last?.hasPrefix("heal: ") == true)
        #expect(!outcome.errors.contains("Error("), "\(outcome.errors)")
        #expect(Set(lines).count == lines.count, "something is told twice: \(outcome.errors)")
    }

    /// A damaged file is there, so it is bad input and not a missing one.
    @Test func damagedDataIsBadInput() throws {
        let path = NSTemporaryDirectory() + "heal-damaged-\(UUID().uuidString).jsonl.gz"
        try Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let outcome = try Program.run(["preview", "--config", Self.configuration, "--set", #"datasets=[{"path":"\#(path)"}]"#])
        #expect(outcome.status == 65 && outcome.errors.contains(path), "\(outcome.errors)")
    }

    /// Every status that the program knows is in its help and in the docs.
    @Test func statusesAreTold() throws {
        func text(_ path: String) throws -> String { try String(contentsOf: Program.repository.appendingPathComponent(path), encoding: .utf8) }
        let statuses = try text("Sources/heal/Output/ExitStatus.swift").matches(of: /case \w+ = (\d+)/).map { String($0.output.1) }
        let help = try #require(try Program.run(["--help"]).output.split(separator: "Exit status: ").last?.split(separator: "USAGE:").first)
        let told = help.matches(of: /\b(\d+)[, ]/).map { String($0.output.1) }, documented = try text("docs/runs.md").matches(of: #/\n\| (\d+) \|/#).map { String($0.output.1) }
        #expect(statuses.count == 8 && told == statuses + ["130", "143", "129", "138"] && documented == statuses, "\(told), \(documented)")
    }

    @Test func divergenceIsAFailure() throws {
        try withTemporaryDirectory { directory in
            // Each step multiplies the cores by 1 - 10 * 10.
            let outcome = try Program.run(JobCommandTests.settings(directory, steps: 60) + ["learning_rate=10", "weight_decay=10", "val_size=0", "compression.init=svd"])
            #expect(outcome.status == 1 && outcome.errors.contains("learning_rate"), "\(outcome.status) \(outcome.errors)")
        }
    }

    @Test func unwritableOutputIsAnError() throws {
        #expect(try Program.shell("heal inspect \(Self.model) > /dev/full").status == 74)
        for place in ["> /dev/full", ">&-"] { #expect(try Program.shell("heal --config \(Self.configuration) --dry-run \(place)").status == 74) }
        #expect(try Program.shell("echo a | heal tokenize --model \(Self.model) > /dev/full").status == 74)
    }

    @Test func closedPipeIsNone() throws {
        for line in ["yes | head -100000 | heal tokenize --model \(Self.model) | head -1", "heal generate --model \(Self.model) --prompt a | true"] {
            let outcome = try Program.shell("set +o pipefail; \(line); echo ${PIPESTATUS[@]} >&2")
            #expect(outcome.errors.split(separator: " ").dropLast().last == "0", "\(line): \(outcome.errors)")
        }
    }
}
