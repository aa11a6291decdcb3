import Foundation
import HealData
import Testing

@Suite struct FormatTests {
    let directory = TemporaryDirectory()

    private func read(_ row: String, as format: DataFormat) throws -> Conversation {
        try format.conversation(from: try JSONRow(parsing: Array(row.utf8)))
    }

    private static let fixtures: [(DataFormat, String, Conversation)] = [
        (.alpaca, #"{"instruction":"Add.","input":"1, 2","output":"3","category":"math"}"#,
            .turns([Turn(.user, "Add.", context: "1, 2"), Turn(.assistant, "3")])),
        (.alpaca, #"{"instruction":"Hi","output":"Ho"}"#, .turns([Turn(.user, "Hi"), Turn(.assistant, "Ho")])),
        (.alpaca, #"{"instruction":"Hi","input":null,"output":"Ho","system":"Be brief."}"#,
            .turns([Turn(.system, "Be brief."), Turn(.user, "Hi"), Turn(.assistant, "Ho")])),
        (.ultrachat, #"{"id":"2","data":["a","b","c"]}"#, .turns([Turn(.user, "a"), Turn(.assistant, "b"), Turn(.user, "c")])),
        (.messages, #"{"prompt":"a","prompt_id":"f","messages":[{"content":"a","role":"user"},{"content":"b","role":"assistant"}]}"#,
            .turns([Turn(.user, "a"), Turn(.assistant, "b")])),
        (.sharegpt, #"{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"a","weight":null},{"from":"gpt","value":"b","weight":0},{"from":"human","value":"c"},{"from":"chatgpt","value":"d","weight":1.0}],"source":null}"#,
            .turns([Turn(.system, "s"), Turn(.user, "a"), Turn(.assistant, "b", trained: false), Turn(.user, "c"), Turn(.assistant, "d")])),
        (.sharegpt, #"{"tools":"[]","conversations":[{"from":"human","value":"a"},{"from":"function_call","value":"{}"},{"from":"observation","value":"1"},{"from":"gpt","value":"b"}]}"#,
            .turns([Turn(.user, "a"), Turn(.toolCall, "{}"), Turn(.tool, "1"), Turn(.assistant, "b")])),
        (.promptCompletion, #"{"prompt":"a","completion":" b"}"#, .completion(prompt: "a", completion: " b")),
        (.text, #"{"text":"a\u0085b\u2028c","meta":{"x":[1]}}"#, .text("a\u{85}b\u{2028}c", endsDocument: true)),
    ]

    @Test(arguments: Self.fixtures) func readsAndDetects(format: DataFormat, row: String, expected: Conversation) throws {
        #expect(try read(row, as: format) == expected)
        let file = try RowFile(path: directory.write("a.jsonl", row + "\n" + row))
        #expect(try FormatDetection.format(of: file) == format)
    }

    @Test func trainedTurnsAreTheAssistants() {
        #expect(Turn(.user, "a", trained: true).trained == false)
        #expect(Turn(.tool, "a").trained == false)
        #expect(Turn(.toolCall, "a").trained)
    }

    @Test(arguments: [
        (.alpaca, #"{"instruction":"a"}"#, "`output` is missing; the row has `instruction`"),
        (.alpaca, #"{"instruction":"a","output":3}"#, "`output` must be a string, not a number"),
        (.alpaca, #"{"instruction":"a","output":null}"#, "`output` must be a string, not null"),
        (.alpaca, #"{"instruction":["a"],"output":""}"#, "`instruction` must be a string, not a list"),
        (.alpaca, #"{"instruction":"a","output":"b","input":true}"#, "`input` must be a string, not true or false"),
        (.alpaca, #"{"instruction":"a","output""#, "not valid JSON"),
        (.alpaca, #"["a"]"#, "expected a JSON object, found a list"),
        (.alpaca, #""a""#, "expected a JSON object, found a string"),
        (.alpaca, "{\"instruction\":\"\u{1}\"}", "not valid JSON"),
        (.ultrachat, #"{"id":1}"#, "`data` is missing; the row has `id`"),
        (.ultrachat, #"{"data":"a"}"#, "`data` must be a list, not a string"),
        (.ultrachat, #"{"data":[]}"#, "`data` is empty"),
        (.ultrachat, #"{"data":["a",{"b":1}]}"#, "turn 2 in `data` must be a string, not an object"),
        (.messages, #"{"messages":[]}"#, "`messages` is empty"),
        (.messages, #"{"messages":["a"]}"#, "turn 1 must be an object, not a string"),
        (.messages, #"{"messages":[{"role":"user","content":"a"},{"role":"asistant","content":"b"}]}"#, "turn 2: `role` \"asistant\" is not a known role"),
        (.messages, #"{"messages":[{"role":"user"}]}"#, "turn 1: `content` is missing; the row has `role`"),
        (.messages, #"{"messages":[{"role":"user","content":[{"type":"text"}]}]}"#, "turn 1: part 1 of `content` has no text at `text`"),
        (.sharegpt, #"{"conversations":[{"from":"human","value":"a","weight":0.5}]}"#, "turn 1: `weight` must be 0, 1, true, false or null; other weights"),
        (.sharegpt, #"{"conversations":{"from":"human"}}"#, "`conversations` must be a list, not an object"),
        (.promptCompletion, #"{"prompt":"a"}"#, "`completion` is missing"),
        (.text, #"{"text":1}"#, "`text` must be a string, not a number"),
    ] as [(DataFormat, String, String)])
    func brokenRowsSayWhatIsWrong(format: DataFormat, row: String, expected: String) {
        let text = message { try read(row, as: format) }
        #expect(text.hasPrefix(expected), "\(text)")
    }

    @Test func badUTF8NamesTheByte() {
        let bytes = Array(#"{"text":"a"#.utf8) + [0xC3, 0x28] + Array("\"}".utf8)
        #expect(message { try JSONRow(parsing: bytes) } == "not valid UTF-8 at byte 11 of the row; convert the file to UTF-8")
    }

    @Test(arguments: [
        #"{"text":"\ud800"}"#, #"{"text":"\udc00\ud800"}"#, #"{"text":"\ud83dx"}"#, #"{"text":"\u12"}"#, #"{"text":"a","n":1e999999}"#,
        #"{"text":"a","n":123456789012345678901234567890}"#, #"{"text":"a","text":"b"}"#, #"{"text":"\u0000"}"#, #"{"text":NaN}"#,
        "{\"text\":" + String(repeating: "[", count: 200_000), "{\"text\":" + String(repeating: "{\"a\":", count: 200_000),
        String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000), "", " ", "{", "\"", "\\", "{\"text\":\"a\"}x",
    ])
    func strangeRowsNeverCrash(row: String) {
        // A conversation, or an error with a reason of ours.
        do {
            guard case .text = try read(row, as: .text) else {
                Issue.record("not a text")
                return
            }
        } catch {
            #expect(error is RecordError && "\(error)".count > 5 && "\(error)".utf8.count < 300)
        }
    }

    @Test func detectionLooksBeyondTheFirstRow() throws {
        // The first row alone would fit both.
        let both = #"{"text":"x","messages":[{"role":"user","content":"a"}]}"#
        let one = #"{"messages":[{"role":"user","content":"a"}]}"#
        #expect(try FormatDetection.format(of: RowFile(path: directory.write("a", both + "\n" + one))) == .messages)
        let ambiguous = directory.write("b", both + "\n" + both)
        let text = message { try FormatDetection.format(of: try RowFile(path: ambiguous)) }
        #expect(text == "\(ambiguous): the rows fit several formats: `messages` or `text`. Set `format` to one of them")
        #expect(try FormatDetection.format(of: RowFile(path: ambiguous), forced: .text) == .text)
    }

    @Test func conflictingRowsAreNamed() throws {
        let path = directory.write("a", "{\"text\":\"x\"}\n{\"data\":[\"a\",\"b\"]}\n")
        let text = message { try FormatDetection.format(of: try RowFile(path: path)) }
        #expect(text == "\(path): rows disagree about the format: `text` (\(path):1), `ultrachat` (\(path):2). Split the file, or set `format`")
    }

    @Test func unknownRowsGetAHint() throws {
        let path = directory.write("a", #"{"class":"x","data":"only a prompt"}"#)
        let text = message { try FormatDetection.format(of: try RowFile(path: path)) }
        #expect(text.contains("\(path):1 has `class`, `data` (UltraChat's `data` is a list of turns; this one is a string)"))
        #expect(text.contains("`prompt_completion`"))
    }

    @Test func aBadFirstRowDoesNotHideTheFormat() throws {
        let path = directory.write("a", "{oops\n{\"text\":\"x\"}\n")
        #expect(try FormatDetection.format(of: RowFile(path: path)) == .text)
    }

    @Test func namesOfDataSetsAreFormats() {
        #expect(DataFormat(name: "OpenHermes") == .sharegpt)
        #expect(DataFormat(name: "ultrachat-200k") == .messages)
        #expect(DataFormat(name: "csv") == nil)
        for format in DataFormat.allCases { #expect(DataFormat(name: format.rawValue) == format) }
    }
}
