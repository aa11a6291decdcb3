import Foundation
import Testing

/// `heal score --rows` gives what a run's evaluation gives on the same rows.
struct RowScoreTests {
    struct Row: Decodable { var row: String?, loss: Double?, tokens: Int?, skipped: String?, perplexity: Double?, rows: Int? }

    private func rows(_ directory: URL) throws -> String {
        let text = try String(contentsOf: Program.repository.appendingPathComponent("datasets/alpaca-dolly.jsonl"), encoding: .utf8)
        var lines = text.split(separator: "\n").prefix(12).map(String.init)
        lines.insert(#"{"instruction":"Say nothing.","input":"","output":""}"#, at: 3)
        let path = directory.path + "/rows.jsonl"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func scored(_ model: String, _ rows: String, _ more: [String] = []) throws -> [Row] {
        let found = try Program.run(["score", "--model", model, "--rows", rows, "--template", "plain", "--max-length", "64", "--json"] + more)
        #expect(found.status == 0, "\(found.errors)")
        return try found.lines.map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
    }

    @Test func agreesWithTheRunsEvaluation() throws {
        try withTemporaryDirectory { directory in
            let rows = try rows(directory)
            let run = try Program.run(JobCommandTests.settings(directory, steps: 2) + [
                "--set", #"datasets=[{"path":"datasets/openhermes-gpteacher.jsonl"},{"path":"\#(rows)","split":"validation"}]"#, "val_size=0", "eval_max_rows=null", "dtype=fp32",
            ])
            #expect(run.status == 0, "\(run.errors)")
            let metrics = try String(contentsOfFile: directory.path + "/run/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            func evaluation(_ stage: String) throws -> (loss: Double, rows: Int, tokens: Int) {
                let line = try #require(metrics.last { $0.contains("\"evaluation\"") && $0.contains("\"\(stage)\"") })
                let found = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                return (try #require(found["loss"] as? Double), found["rows"] as? Int ?? 0, found["tokens"] as? Int ?? 0)
            }
            for (model, stage) in [(Program.model, "dense"), (directory.path + "/run", "healing")] {
                let found = try scored(model, rows), all = try #require(found.last), expected = try evaluation(stage)
                #expect(found.count == 14 && found[3].skipped == "empty answer" && found.dropLast().count { $0.loss != nil } == all.rows)
                #expect(all.rows == expected.rows && all.tokens == expected.tokens)
                // The run packs rows into one product; the sums come in another order.
                #expect(abs((all.loss ?? 0) - expected.loss) < 1e-5 * expected.loss, "\(all.loss ?? 0) \(expected.loss)")
                let sum = found.dropLast().reduce(0) { $0 + ($1.loss ?? 0) * Double($1.tokens ?? 0) }
                #expect(abs(sum / Double(expected.tokens) - expected.loss) < 1e-5 * expected.loss)
            }
        }
    }

    @Test func limitsAndErrors() throws {
        try withTemporaryDirectory { directory in
            let rows = try rows(directory)
            #expect(try scored(Program.model, rows, ["--limit", "2"]).last?.rows == 2)
            #expect(try scored(Program.model, rows, ["--limit", "2"]).first?.row == rows + ":1")
            let told = try Program.run(["score", "--model", Program.model, "--rows", rows, "--template", "plain", "--max-length", "64"]).output
            #expect(told.contains(" rows, ") && told.contains("cut to 64 tokens") && told.contains("1 left out (empty answer)"), "\(told)")
            for (arguments, status) in [(["--rows", rows, "--text", "a"], 64), (["--limit", "1", "--ids", "[1,2]"], 64), (["--rows", "none"], 66), (["--rows", rows], 65)] {
                #expect(try Program.run(["score", "--model", Program.model] + arguments).status == Int32(status), "\(arguments)")
            }
        }
    }

    /// Of every form of model the loss of a row is that of its labelled tokens, which `tokenize` and `score --ids` tell one by one.
    @Test func everyFormOfModel() throws {
        try withTemporaryDirectory { directory in
            let rows = try rows(directory), run = directory.path + "/run", cores = directory.path + "/cores"
            let trained = try Program.run(JobCommandTests.settings(directory, steps: 1))
            #expect(trained.status == 0, "\(trained.errors)")
            let exported = try Program.run(["export", "--checkpoint", run, "--to", "mpo", "--dtype", "fp32", cores])
            #expect(exported.status == 0, "\(exported.errors)")
            let gguf = Program.golden("models/stories260K/stories260K-q4_1.gguf").path
            for model in [cores, gguf] {
                let found = try scored(model, rows, ["--limit", "3"])
                struct Encoded: Decodable { var ids: [Int], labels: [Int] }
                let encoded = try Program.run(["tokenize", "--model", model, "--rows", rows, "--template", "plain", "--max-length", "64"])
                #expect(encoded.status == 0, "\(encoded.errors)")
                for (row, line) in zip(found.dropLast(), encoded.lines) {
                    let tokens = try JSONDecoder().decode(Encoded.self, from: Data(line.utf8))
                    let losses = try #require(try Program.run(["score", "--model", model, "--ids", "\(tokens.ids)", "--json"]).object()["nll"] as? [Double])
                    let labelled = zip(losses, tokens.labels.dropFirst()).filter { $1 != -100 }.map(\.0)
                    #expect(row.tokens == labelled.count && !labelled.isEmpty)
                    let mean = labelled.reduce(0, +) / Double(labelled.count)
                    #expect(abs((row.loss ?? 0) - mean) < 1e-5 * mean, "\(model): \(row.loss ?? 0), \(mean)")
                }
                #expect(found.count == 4)
            }
            // The cores are the run's own.
            let own = try scored(run, rows, ["--limit", "3"]), mpo = try scored(cores, rows, ["--limit", "3"])
            #expect(abs((own.last?.loss ?? 0) - (mpo.last?.loss ?? 1)) < 1e-4)
        }
    }

    @Test func columnsUnderOtherNames() throws {
        try withTemporaryDirectory { directory in
            func write(_ name: String, _ prompt: String, _ completion: String) throws -> String {
                let lines = [("What is red?", "A colour."), ("Who is there?", "It is me.")].map { #"{"\#(prompt)":"\#($0)","\#(completion)":"\#($1)"}"# }
                let path = "\(directory.path)/\(name).jsonl"
                try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
                return path
            }
            let plain = try write("plain", "prompt", "completion")
            let others = [
                (try write("other", "question", "answer"), "prompt=question,completion=answer"),
                (try write("crossed", "completion", "prompt"), "prompt=completion,completion=prompt"),
                (try write("comma", "q, asked", "a=b"), #"{"prompt": "q, asked", "completion": "a=b"}"#),
                (try write("equals", "q", "a=b"), "prompt=q,completion=a=b"),
            ]
            let losses = try scored(Program.model, plain), ids = try Program.run(["tokenize", "--model", Program.model, "--rows", plain, "--template", "plain"])
            #expect(losses.count == 3 && ids.lines.count == 2)
            for (path, columns) in others {
                let found = try scored(Program.model, path, ["--columns", columns])
                #expect(found.map(\.loss) == losses.map(\.loss) && found.map(\.tokens) == losses.map(\.tokens))
                #expect(try Program.run(["tokenize", "--model", Program.model, "--rows", path, "--template", "plain", "--columns", columns]).output == ids.output)
            }
            for command in ["score", "tokenize"] {
                for (columns, status, says) in [
                    ("prompt", 64, "expected field=column"), ("prompt=", 64, "expected field=column"), ("", 64, "expected field=column"),
                    ("question=prompt", 64, "the field comes first"), ("promt=question", 64, #"did you mean "prompt"?"#), ("prompt=a,prompt=b", 64, "stands there twice"),
                    ("prompt=a,completion=a", 64, "takes already"), (#"{"prompt":}"#, 64, "column 11"), ("prompt=no,completion=answer", 78, "from `no`"),
                ] {
                    let found = try Program.run([command, "--model", Program.model, "--rows", others[0].0, "--template", "plain", "--columns", columns])
                    #expect(found.status == Int32(status) && found.errors.contains(says), "\(command) \(columns): \(found.status) \(found.errors)")
                }
                #expect(try Program.run([command, "--model", Program.model, "--columns", "prompt=a"] + (command == "score" ? ["--ids", "[1,2]"] : [])).errors.contains("--columns is about rows"))
            }
        }
    }
}
