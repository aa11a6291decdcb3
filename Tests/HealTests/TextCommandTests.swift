import Foundation
import Testing

/// `generate`, `score` and `tokenize` on the embedded model, against numbers computed by the reference in float64.
struct TextCommandTests {
    struct Golden: Decodable {
        struct Case: Decodable {
            var weights: String?
            var text: String?
            var ids: [Int]
            var token_nll: [Double]
            var last_logits: [Double]
            var greedy_continuation_ids: [Int]?
            var greedy_text: String?
        }
        var cases: [Case]
    }

    let cases: [Golden.Case]

    init() throws {
        cases = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: Program.golden("models/stories260K/golden.json"))).cases
    }

    @Test func generatesTheReferencesTokens() throws {
        let golden = cases[0], text = try #require(golden.text), continuation = try #require(golden.greedy_continuation_ids)
        let found = try Program.run(["generate", "--model", Program.model, "--prompt", text, "-n", "\(continuation.count)", "--json"]).object()
        #expect(found["prompt_ids"] as? [Int] == golden.ids)
        #expect(found["ids"] as? [Int] == continuation)
        #expect(text + (found["text"] as? String ?? "") == golden.greedy_text)
        let byIDs = try Program.run(["generate", "--model", Program.model, "--ids", "\(golden.ids)", "-n", "\(continuation.count)"])
        #expect(text + byIDs.output == (golden.greedy_text ?? "") + "\n")
    }

    @Test func samplingFollowsItsSeed() throws {
        func text(_ seed: Int) throws -> String {
            try Program.run(["generate", "--model", Program.model, "--prompt", "One day", "-n", "30", "--temperature", "1", "--seed", "\(seed)"]).output
        }
        #expect(try text(1) == text(1))
        #expect(try text(1) != text(2))
    }

    @Test(arguments: [0, 1, 2]) func scoresAsTheReference(_ index: Int) throws {
        let golden = cases[index]
        let path = try golden.weights.map { try ModelCopy(weights: $0) }
        let found = try Program.run(["score", "--model", path?.path ?? Program.model, "--ids", "\(golden.ids)", "--json"]).object()
        let losses = try #require(found["nll"] as? [Double]), logits = try #require(found["last_logits"] as? [Double])
        #expect(losses.count == golden.token_nll.count && found["tokens"] as? Int == losses.count)
        #expect(zip(losses, golden.token_nll).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(logits.count == 512 && zip(logits, golden.last_logits).allSatisfy { abs($0 - $1) < 1e-4 })
        let mean = golden.token_nll.reduce(0, +) / Double(losses.count)
        #expect(abs((found["perplexity"] as? Double ?? 0) - exp(mean)) < 1e-4)
    }

    @Test func textIsScoredAsItsTokens() throws {
        let golden = cases[0]
        try withTemporaryDirectory { directory in
            let file = directory.appendingPathComponent("a.txt"), ids = directory.appendingPathComponent("ids.json")
            try Data((golden.text ?? "").utf8).write(to: file)
            try Data("\(golden.ids)\n".utf8).write(to: ids)
            let byText = try Program.run(["score", "--model", Program.model, "--text", file.path])
            #expect(byText.output == (try Program.run(["score", "--model", Program.model, "--ids", ids.path]).output))
            #expect(byText.output.contains("on 31 tokens"))
        }
    }

    /// Each window starts anew, and the token after it is predicted at its end.
    @Test func windowsDoNotOverlap() throws {
        func losses(_ ids: [Int], _ more: [String] = []) throws -> [Double] {
            let found = try Program.run(["score", "--model", Program.model, "--ids", "\(ids)", "--json"] + more).object()
            #expect((found["last_logits"] == nil) == !more.isEmpty)
            return try #require(found["nll"] as? [Double])
        }
        let ids = Array(cases[0].ids.prefix(23))
        let whole = try losses(ids, ["--context", "10"])
        let parts = try losses(Array(ids[0...10]), []) + losses(Array(ids[10...20]), []) + losses(Array(ids[20...]), [])
        #expect(whole.count == 22)
        #expect(zip(whole, parts).allSatisfy { abs($0 - $1) < 1e-5 } && whole.count == parts.count)
    }

    @Test func linesBecomeIDsAndBack() throws {
        let text = try #require(cases[0].text)
        // A carriage return and U+2028 end no line; the last line needs no end.
        let lines = [text, "", "a\rb\u{2028}c", "last"]
        let ids = try Program.run(["tokenize", "--model", Program.model], input: lines.joined(separator: "\n")).lines
        #expect(ids.count == 4)
        #expect(ids[0] == "[" + cases[0].ids.map(String.init).joined(separator: ",") + "]")
        #expect(ids[1] == "[1]")
        let plain = try Program.run(["tokenize", "--model", Program.model, "--no-special"], input: text + "\n").lines
        #expect(plain == ["[" + cases[0].ids.dropFirst().map(String.init).joined(separator: ",") + "]"])
        let back = try Program.run(["tokenize", "--model", Program.model, "--decode", "--no-special", "--json"], input: ids.joined(separator: "\n"))
        let texts = try back.lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed) as? String }
        #expect(texts == lines)
    }

    @Test func manyLinesKeepTheirOrder() throws {
        let input = (0..<20_000).map { "number \($0)" }
        let ids = try Program.run(["tokenize", "--model", Program.model], input: input.joined(separator: "\n") + "\n")
        let back = try Program.run(["tokenize", "--model", Program.model, "--decode", "--no-special"], input: ids.output)
        #expect(back.lines == input)
    }

    @Test func wrongIDsAreNamedByLine() throws {
        let outcome = try Program.run(["tokenize", "--model", Program.model, "--decode"], input: "[1,403]\n[1,,2]\n")
        #expect(outcome.status == 65)
        #expect(outcome.errors.hasPrefix("heal: standard input, line 2: "))
    }

    @Test func rowsBecomeIDsAndLabels() throws {
        let rows = ["tokenize", "--model", Program.model, "--template", "plain", "--rows", "datasets/alpaca-dolly.jsonl"]
        let lines = try Program.run(rows).lines
        #expect(lines.count == 400)
        struct Row: Decodable { var ids: [Int], labels: [Int], skipped: String? }
        for line in lines {
            let row = try JSONDecoder().decode(Row.self, from: Data(line.utf8))
            #expect(row.ids.count == row.labels.count && row.ids.first == 1 && row.labels.first == -100 && row.labels.last == 2)
            #expect(zip(row.ids, row.labels).allSatisfy { $1 == -100 || $0 == $1 })
        }
        let all = try Program.run(rows + ["--train-on-prompt"]).lines
        let first = try JSONDecoder().decode(Row.self, from: Data(all[0].utf8))
        #expect(first.ids == first.labels)
        let cut = try Program.run(rows + ["--max-length", "16"]).lines.map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
        #expect(cut.allSatisfy { $0.ids.count <= 16 && $0.ids.count == $0.labels.count })
        #expect(cut.contains { $0.skipped != nil })
    }

    /// Weights may be finite and still too large to compute with.
    @Test func numbersThatAreNotFiniteAreAnError() throws {
        let model = try ModelCopy(weights: "model-bf16.safetensors"), weights = URL(fileURLWithPath: model.path + "/model.safetensors")
        var bytes = try Data(contentsOf: weights)
        for i in stride(from: bytes.count - 65_536, to: bytes.count, by: 2) { bytes.replaceSubrange(i..<i + 2, with: [0x96, 0x7E]) }  // 1e38
        try bytes.write(to: weights)
        let rows = model.path + "/rows.jsonl"
        try Data(#"{"text":"Once upon a time"}"#.utf8).write(to: URL(fileURLWithPath: rows))
        for arguments in [
            ["score", "--ids", "[1, 403, 407, 261]"], ["score", "--rows", rows, "--template", "plain"], ["generate", "--prompt", "Once", "-n", "3"],
            ["generate", "--prompt", "Once", "-n", "3", "--json"],
        ] {
            let outcome = try Program.run([arguments[0], "--model", model.path] + arguments.dropFirst())
            #expect(outcome.status == 65 && outcome.output.isEmpty && outcome.errors.contains("is not finite; its weights may be damaged or too large"),
                "\(arguments): \(outcome.status), \(outcome.output) \(outcome.errors)")
        }
    }

    /// A known template has its name, one that is run as it is none, and one that cannot be run is told as such.
    @Test(arguments: [
        ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}", "chatml", "chat template chatml"),
        ("{% for message in messages %}{{ message.role + ': ' + message.content + eos_token }}{% endfor %}", "own", "chat template own"),
        ("{% include 'other' %}", nil, "a chat template that cannot be run"), (nil, nil, "no chat template"),
    ] as [(String?, String?, String)])
    func inspectNamesTheTemplate(source: String?, name: String?, words: String) throws {
        let model = try ModelCopy(weights: "model-bf16.safetensors")
        if let source { try Data(source.utf8).write(to: URL(fileURLWithPath: model.path + "/chat_template.jinja")) }
        let tokenizer = try #require(try Program.run(["inspect", model.path, "--json"]).object()["tokenizer"] as? [String: Any])
        #expect(tokenizer["chat_template"] as? String == name)
        let text = try Program.run(["inspect", model.path]).output.replacing(/\s+/, with: " ")
        #expect(text.contains("; \(words)"), "\(text)")
    }
}

/// The embedded model with other weights, as a directory or as a GGUF file.
private final class ModelCopy {
    let path: String
    private let directory: URL

    init(weights: String) throws {
        let source = Program.golden("models/stories260K/\(weights)")
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("heal-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if weights.hasSuffix(".gguf") {
            path = source.path
            return
        }
        path = directory.path
        try FileManager.default.copyItem(at: source, to: directory.appendingPathComponent("model.safetensors"))
        for name in ["config.json", "tokenizer.model"] {
            try FileManager.default.copyItem(
                at: Program.repository.appendingPathComponent("\(Program.model)/\(name)"), to: directory.appendingPathComponent(name))
        }
    }

    deinit { try? FileManager.default.removeItem(at: directory) }
}
