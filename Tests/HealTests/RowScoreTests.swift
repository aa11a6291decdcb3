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
}
