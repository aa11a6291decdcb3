import Foundation
import Testing

/// Text of strangers never commands the terminal: it could clear the screen, or write its own words over the program's.
struct TerminalTextTests {
    static let nasty = "\u{1B}[2J\u{9B}1m\u{202E}\u{2028}x\u{2066}\u{7F}"

    private func inProject(_ body: (URL) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let rows = try (0..<4).map { index in
                let row: [String: Any] = ["messages": [["role": "user", "content": "a\(index)" + Self.nasty], ["role": "assistant", "content": "ok" + Self.nasty]]]
                return String(decoding: try JSONSerialization.data(withJSONObject: row), as: UTF8.self) + "\n"
            }
            try Data(rows.joined().utf8).write(to: directory.appendingPathComponent("rows.jsonl"))
            try body(directory)
        }
    }

    private func configuration(_ directory: URL, _ keys: [String: Any]) throws -> String {
        var all: [String: Any] = [
            "model": Program.model, "chat_template": "plain", "datasets": [["path": directory.path + "/rows.jsonl"]], "val_size": 1, "max_seq_length": 64,
            "output_dir": directory.path + "/run", "max_steps": 1, "per_device_train_batch_size": 1, "compression": ["init": "svd"],
        ]
        all.merge(keys) { $1 }
        let path = directory.path + "/\(UUID().uuidString).json"
        try JSONSerialization.data(withJSONObject: all).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func errorsSpellThem() throws {
        try inProject { directory in
            let key = try configuration(directory, [Self.nasty: 1]), model = try configuration(directory, ["model": "models/" + Self.nasty])
            let file = directory.path + "/" + Self.nasty + ".gguf"
            try Data("not a model".utf8).write(to: URL(fileURLWithPath: file))
            let cases = [
                ["validate", "--config", key], ["--config", key], ["validate", "--config", model], ["--config", model], ["--config", key + Self.nasty],
                ["--config", key, "--set", "\(Self.nasty)=1"], ["inspect", file], ["generate", "--model", file, "--prompt", "a"], [Self.nasty],
            ]
            for arguments in cases {
                let found = try Program.run(arguments)
                #expect(found.status != 0)
                #expect((found.output + found.errors).commands.isEmpty, "\(arguments): \((found.output + found.errors).commands)")
                #expect((found.output + found.errors).contains("\\u202e"), "\(arguments): \(found.errors)")
            }
        }
    }

    /// A line feed in a name would let a stranger's text pass for a message of its own.
    @Test func namesStayWithinTheirLine() throws {
        try inProject { directory in
            let path = try configuration(directory, ["a\nheal: all is well": 1])
            let found = try Program.run(["validate", "--config", path])
            #expect(found.errors.split(separator: "\n").count == 1 && found.errors.contains(#"a\nheal: all is well"#), "\(found.errors)")
        }
    }

    /// Whatever kind of error a name is in.
    @Test func errorsOfEveryKindStayWithinTheirLines() throws {
        try inProject { directory in
            let name = directory.path + "/a\nheal: all is well\u{1B}[2J", row = #"{"text":"a","b\nheal: all is well":"x"}"#
            try FileManager.default.createDirectory(atPath: name + "/run", withIntermediateDirectories: true)
            try Data("no JSON".utf8).write(to: URL(fileURLWithPath: name + "/run/compression.json"))
            try Data("{}\n".utf8).write(to: URL(fileURLWithPath: name + "/run/metrics.jsonl"))
            try Data((row + "\n").utf8).write(to: URL(fileURLWithPath: directory.path + "/key.jsonl"))
            let cases = [
                ["report", name], ["report", name + "/run"], ["score", "--model", Program.model, "--text", name + "/none"], ["inspect", name], ["generate", "--model", name, "--prompt", "a"],
                ["tokenize", "--model", Program.model, "--rows", name + "/none", "--template", "plain"], ["export", "--checkpoint", name + "/latest", "--to", "hf", "out"],
                ["tokenize", "--model", Program.model, "--rows", directory.path + "/key.jsonl", "--template", "plain"],
            ]
            for arguments in cases {
                let found = try Program.run(arguments), lines = found.errors.split(separator: "\n")
                #expect(lines.count == 1 && lines[0].contains(#"\nheal: all is well"#), "\(arguments): \(found.errors)")
                #expect(found.errors.commands.isEmpty)
            }
            // A list of mistakes keeps its lines.
            let path = try configuration(directory, ["compression": ["init": "svd", "legs": [[8, 8], [9, 8]]]])
            for arguments in [["--config", path], ["validate", "--config", path]] {
                let lines = try Program.run(arguments).errors.split(separator: "\n")
                #expect(lines.count > 2 && lines.last?.hasSuffix("mistakes") == true, "\(lines)")
            }
        }
    }

    @Test func rowsAreShownWithThemSpelled() throws {
        try inProject { directory in
            let path = try configuration(directory, ["sample_steps": 1, "sample_prompt": "p" + Self.nasty])
            for colour in ["never", "always"] {
                let found = try Program.run(["preview", "--config", path, "--color", colour])
                #expect(found.output.contains(#"\u001b[2J\u009b1m\u202e\u2028x\u2066\u007f"#), "\(found.output)")
                #expect(found.output.withoutOwnSequences.commands.isEmpty)
                #expect(found.output.contains("\u{1B}[32m") == (colour == "always"))
            }
            let run = try Program.run(["--config", path, "--verbose"])
            #expect(run.status == 0 && run.output.contains(#"> p\u001b[2J"#), "\(run.errors)")
            #expect((run.output + run.errors).commands.isEmpty, "\((run.output + run.errors).commands)")
        }
    }

    /// Text that a command is for goes to files and pipes as it is, and to a terminal with what commands it spelled out.
    @Test func productsAreExactInPipesOnly() throws {
        let nasty = "a\u{1B}[2Jb\u{202E}c\n"
        let ids = try Program.run(["tokenize", "--model", Program.model, "--no-special"], input: nasty).output
        let decode = ["tokenize", "--model", Program.model, "--decode"]
        #expect(try Program.run(decode, input: ids).output == nasty)
        #expect(try Program.onTerminal(decode, columns: 80, input: ids).text == "a\\u001b[2Jb\\u202ec\n")
        let json = try Program.run(decode + ["--json"], input: ids).output
        #expect(json.commands.isEmpty)
        #expect(try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed) as? String == String(nasty.dropLast()))
    }

    /// On a terminal no line of a table is wider than it; in a file every line is whole, without a move of the cursor.
    @Test(arguments: [40, 80]) func tablesFitTheTerminal(_ columns: Int) throws {
        for arguments in [["inspect", Program.model, "--tensors"], ["--config", Program.configuration, "--dry-run"]] {
            let shown = try Program.onTerminal(arguments, columns: columns)
            #expect(shown.status == 0)
            let lines = shown.text.withoutOwnSequences.split(separator: "\n")
            let table = lines.filter { $0.contains("_proj") || $0.contains("----") }
            #expect(!table.isEmpty && table.allSatisfy { $0.count <= columns }, "\(table.filter { $0.count > columns })")
            #expect(try Program.run(arguments).output.commands.isEmpty)
        }
    }
}
