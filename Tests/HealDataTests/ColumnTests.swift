@testable import HealData
import Testing

/// Columns under other names, and columns that nothing reads.
@Suite struct ColumnTests {
    let directory = TemporaryDirectory()

    private func open(_ rows: String, _ columns: [String: String] = [:], format: DataFormat? = nil) throws -> Dataset {
        try byteDataset([DatasetFile(path: directory.write("a.jsonl", rows), format: format, columns: ColumnNames(columns))])
    }

    private static let mappings: [(String, [String: String], DataFormat, Conversation)] = [
        (#"{"question":"a","answer":"b"}"#, ["prompt": "question", "completion": "answer"], .promptCompletion, .completion(prompt: "a", completion: "b")),
        (#"{"prompt":"a","completion":"b"}"#, ["prompt": "completion", "completion": "prompt"], .promptCompletion, .completion(prompt: "b", completion: "a")),
        (#"{"q":"a","x":"c","a":"b"}"#, ["instruction": "q", "input": "x", "output": "a"], .alpaca, .turns([Turn(.user, "a", context: "c"), Turn(.assistant, "b")])),
        (#"{"body":"a"}"#, ["text": "body"], .text, .text("a", endsDocument: true)),
        (#"{"dialog":[{"speaker":"human","says":"a"},{"speaker":"bot","says":"b"}]}"#, ["messages": "dialog", "role": "speaker", "content": "says"],
            .messages, .turns([Turn(.user, "a"), Turn(.assistant, "b")])),
    ]

    @Test(arguments: Self.mappings) func otherNames(row: String, columns: [String: String], format: DataFormat, expected: Conversation) throws {
        let dataset = try open(row, columns)
        #expect(dataset.sources[0].format == format)
        #expect(try dataset.conversation(Dataset.RowID(file: 0, row: 0)) == expected)
        #expect(try dataset.report().files[0].unreadKeys == [])
    }

    @Test func missingColumnsAreNamed() {
        let rows = #"{"question":"a","answer":"b"}"#
        #expect(message { try open(rows, ["prompt": "questoin", "completion": "answer"]) }.hasSuffix(
            "`columns` takes `prompt` from `questoin`, but none of the first rows has a `questoin`; the first has `answer`, `question`"))
        let late = rows + "\n" + #"{"question":"a"}"#
        #expect(message { try open(late, ["prompt": "question", "completion": "answer"]).conversation(Dataset.RowID(file: 0, row: 1)) }
            == "`answer` (the column for `completion`) is missing; the row has `question`")
    }

    @Test func otherNamesAreOtherData() throws {
        let rows = #"{"prompt":"a","completion":"b"}"#
        let plain = try open(rows).fingerprint, swapped = try open(rows, ["prompt": "completion", "completion": "prompt"]).fingerprint
        #expect(plain.differences(from: swapped).contains { $0.hasSuffix("is read with other `columns`") })
        #expect(plain.differences(from: plain) == [])
    }

    /// What says something and is not read gets one word a file, with its first place and how often it comes.
    @Test func unreadKeysAreCounted() throws {
        let rows = #"""
            {"id":1,"source":"x","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}
            {"messages":[{"role":"user","content":"a","mood":"glad"},{"role":"assistant","content":"b"}],"persona":"pirate","empty":[]}
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"persona":"cook","prompt":"a"}
            {"messages":[{"role":"user","content":"a","train":true},{"role":"assistant","content":"b","train":true}],"prompt":"else"}
            """#
        let dataset = try open(rows)
        let report = try dataset.report(), path = dataset.sources[0].file.path
        #expect(report.files[0].unreadKeys.map(\.description) == [
            "\(path):2: `persona` is not read, here and in 1 other row", "\(path):2: `turn.mood` is not read", "\(path):4: `prompt` is not read",
            "\(path):4: `turn.train` is not read",
        ])
    }

    @Test func keysWithoutEndAreNotListed() throws {
        let members = (0..<10_000).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(try open("{\"text\":\"a\",\(members)}").report().files[0].unreadKeys.count == 20)
    }

    // MARK: Rows without a sample

    @Test func emptyTextsAreLeftOut() throws {
        let rows = ["One day", "", " \n\t", "\u{A0}"].map { "{\"text\":\"\($0.replacing("\n", with: "\\n").replacing("\t", with: "\\t"))\"}" }.joined(separator: "\n")
        let report = try open(rows).report()
        #expect(report.counters.samples == 1 && report.counters.skipped == [.emptyText: 3])
    }

    @Test func idsOutsideTheEmbeddingAreNamed() throws {
        let path = directory.write("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"a<|im_end|>\"}\n")
        let encoder = SampleEncoder(tokenizer: ByteTokenizer(), template: .plain, maxLength: 64, vocabularySize: 259)
        let report = try Dataset(files: [DatasetFile(path: path)], encoder: encoder).report()
        #expect(report.files[0].firstErrors.map(\.description) == [
            "\(path):2: token 259 (\"<|im_end|>\") is outside of the model's vocabulary of 259: the tokenizer belongs to another model, or has tokens more",
        ])
    }

    /// Places are found by counting lines from the start: for what is listed only, or a large bad file would never end.
    @Test func manyBadRowsTakeLittleTime() throws {
        let dataset = try open(String(repeating: "{\"text\":1}\n", count: 200_000), format: .text)
        let report = try dataset.report()
        #expect(report.files[0].errorCount == 200_000 && report.files[0].firstErrors.count == 10)
    }
}
