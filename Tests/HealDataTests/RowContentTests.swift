import Basics
import HealData
import Testing

/// What rows say beside plain turns.
@Suite struct RowContentTests {
    private func read(_ row: String, as format: DataFormat) throws -> Conversation {
        try format.conversation(from: try JSONRow(parsing: Array(row.utf8)))
    }

    private func json(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8)) }

    // MARK: Functions

    @Test(arguments: ["\"content\":\"\",", "\"content\":null,", ""]) func callsNeedNoContent(content: String) throws {
        let row = #"{"messages":[{"role":"user","content":"Rain?"},{"role":"assistant",\#(content)"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":{"z":1,"a":[1.5,null]}}}]},{"role":"tool","tool_call_id":"c1","name":"look","content":"dry"}]}"#
        let turns = try #require(try read(row, as: .messages).turns)
        #expect(turns.map(\.text) == ["Rain?", "", "dry"])
        #expect(turns[1].fields == (try json(#"{"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":{"z":1,"a":[1.5,null]}}}]}"#)))
        // The order of arguments is the writer's.
        #expect(turns[1].fields["tool_calls"]?.elements?[0]["function"]?["arguments"]?.members?.map(\.key) == ["z", "a"])
        #expect(turns[2].fields == (try json(#"{"tool_call_id":"c1","name":"look"}"#)))
    }

    @Test(arguments: [
        #""tool_calls":[{"type":"function","function":{"name":"f","arguments":"{\"b\":2,\"a\":1}"}}]"#,
        #""tool_calls":[{"name":"f","arguments":{"b":2,"a":1}}]"#,
        #""tool_calls":"[{\"name\":\"f\",\"arguments\":{\"b\":2,\"a\":1}}]""#,
        #""tool_calls":["{\"name\":\"f\",\"arguments\":{\"b\":2,\"a\":1}}"]"#,
        #""function_call":{"name":"f","arguments":"{\"b\":2,\"a\":1}"}"#,
    ])
    func callsHaveOneForm(call: String) throws {
        let turns = try read(#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,\#(call)}]}"#, as: .messages).turns
        #expect(turns?.last?.fields == (try json(#"{"tool_calls":[{"type":"function","function":{"name":"f","arguments":{"b":2,"a":1}}}]}"#)))
    }

    @Test func argumentsThatAreNoObjectStayAsTheyAre() throws {
        let turns = try read(#"{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"1, 2"}}]}]}"#, as: .messages).turns
        #expect(turns?.last?.fields["tool_calls"]?.elements?[0]["function"]?["arguments"] == "1, 2")
    }

    @Test func functionCallTurnsOfShareGPTHoldTheirCall() throws {
        let row = #"{"conversations":[{"from":"human","value":"a"},{"from":"function_call","value":"{\"name\": \"f\", \"arguments\": {\"x\": 1}}"},{"from":"observation","value":"1"}]}"#
        let turn = try #require(try read(row, as: .sharegpt).turns)[1]
        #expect(turn.role == .toolCall && turn.text == #"{"name": "f", "arguments": {"x": 1}}"#)
        #expect(turn.fields == (try json(#"{"tool_calls":[{"type":"function","function":{"name":"f","arguments":{"x":1}}}]}"#)))
    }

    @Test(arguments: [
        #""tools":[{"type":"function","function":{"name":"f","parameters":{"b":1,"a":2}}}]"#,
        #""tools":[{"name":"f","parameters":{"b":1,"a":2}}]"#,
        #""tools":"[{\"name\":\"f\",\"parameters\":{\"b\":1,\"a\":2}}]""#,
        #""tools":["{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"b\":1,\"a\":2}}}"]"#,
        #""functions":[{"name":"f","parameters":{"b":1,"a":2}}]"#,
    ])
    func toolsHaveOneForm(tools: String) throws {
        let right = try json(#"[{"type":"function","function":{"name":"f","parameters":{"b":1,"a":2}}}]"#)
        let turns = #"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#
        for (format, row) in [(DataFormat.messages, #"{"messages":\#(turns),\#(tools)}"#), (.sharegpt, #"{"conversations":\#(turns),\#(tools)}"#),
                              (.promptCompletion, #"{"prompt":"a","completion":"b",\#(tools)}"#)] {
            let conversation = try read(row, as: format)
            #expect(JSON(.array(conversation.tools)) == right)
            #expect(conversation.turns == [Turn(.user, "a"), Turn(.assistant, "b")])
        }
    }

    @Test func noToolsAreNone() throws {
        for tools in ["null", "\"\"", "\"[]\"", "[]"] {
            #expect(try read(#"{"tools":\#(tools),"messages":[{"role":"user","content":"a"}]}"#, as: .messages) == .turns([Turn(.user, "a")]))
        }
    }

    @Test(arguments: ["reasoning_content", "reasoning", "thinking"]) func reasoningHasOneName(key: String) throws {
        let turns = try read(#"{"messages":[{"role":"assistant","\#(key)":"hm","content":"b"}]}"#, as: .messages).turns
        #expect(turns?.last?.fields == (try json(#"{"reasoning_content":"hm"}"#)))
    }

    // MARK: What is trained

    @Test(arguments: [
        ("\"loss\":false", false), ("\"loss\":true", true), ("\"train\":false", false), ("\"training\":0", false), ("\"weight\":0", false), ("\"weight\":0.0", false),
        ("\"weight\":1", true), ("\"weight\":null", true), ("\"mask\":true", false), ("\"masked\":1", false), ("\"mask\":false", true),
        ("\"weight\":1,\"loss\":false", false),
    ])
    func flagsTakeTurnsOut(flag: String, trained: Bool) throws {
        for (format, row) in [(DataFormat.messages, #"{"messages":[{"role":"assistant","content":"b",\#(flag)}]}"#),
                              (.sharegpt, #"{"conversations":[{"from":"gpt","value":"b",\#(flag)}]}"#)] {
            #expect(try read(row, as: format).turns?.map(\.trained) == [trained])
        }
    }

    @Test func listsOfMessagesAsPromptAndCompletion() throws {
        let row = #"{"prompt":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"completion":[{"role":"assistant","content":"d"}]}"#
        #expect(try read(row, as: .promptCompletion)
            == .turns([Turn(.user, "a"), Turn(.assistant, "b", trained: false), Turn(.user, "c"), Turn(.assistant, "d")]))
    }

    @Test func earlierRoundsComeFirst() throws {
        let row = #"{"instruction":"c","input":"","output":"d","system":"s","history":[["a","b"],["x","y"]]}"#
        #expect(try read(row, as: .alpaca) == .turns([
            Turn(.system, "s"), Turn(.user, "a"), Turn(.assistant, "b"), Turn(.user, "x"), Turn(.assistant, "y"), Turn(.user, "c"), Turn(.assistant, "d"),
        ]))
        #expect(try read(#"{"instruction":"c","output":"d","history":[]}"#, as: .alpaca) == .turns([Turn(.user, "c"), Turn(.assistant, "d")]))
    }

    // MARK: Other spellings

    private static let spellings: [(DataFormat, String, Conversation)] = [
        (.sharegpt, #"{"conversations":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#, .turns([Turn(.user, "a"), Turn(.assistant, "b")])),
        (.messages, #"{"messages":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#, .turns([Turn(.user, "a"), Turn(.assistant, "b")])),
        (.sharegpt, #"{"system":"s","conversations":[{"from":"Human","value":"a"},{"from":"GPT","value":"b"}]}"#,
            .turns([Turn(.system, "s"), Turn(.user, "a"), Turn(.assistant, "b")])),
        (.messages, #"{"system":"s","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]}"#, .turns([Turn(.system, "s"), Turn(.user, "a")])),
        (.messages, #"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#, .turns([Turn(.user, "ab")])),
        (.alpaca, #"{"instruction":"a","context":"c","response":"b","category":"closed_qa"}"#, .turns([Turn(.user, "a", context: "c"), Turn(.assistant, "b")])),
        (.alpaca, #"{"instruction":"a","context":"c","output":"b"}"#, .turns([Turn(.user, "a", context: "c"), Turn(.assistant, "b")])),
        (.alpaca, #"{"instruction":"a","input":"c","context":"","output":"","response":"b"}"#, .turns([Turn(.user, "a", context: "c"), Turn(.assistant, "b")])),
        (.messages, #"{"messages":[{"role":"user","from":"user","content":"a","value":null},{"from":"gpt","value":"b"}]}"#, .turns([Turn(.user, "a"), Turn(.assistant, "b")])),
        (.text, #"{"text":"a","score":NaN,"low":-Infinity,"high":1e999}"#, .text("a", endsDocument: true)),
    ]

    @Test(arguments: Self.spellings) func otherSpellings(format: DataFormat, row: String, expected: Conversation) throws {
        #expect(try read(row, as: format) == expected)
    }

    // MARK: Refused by name

    @Test(arguments: [
        (.messages, #"{"images":["a.png"],"messages":[]}"#, "`images` is not supported: models are trained on text alone"),
        (.alpaca, #"{"instruction":"a","output":"b","audios":["a.wav"]}"#, "`audios` is not supported"),
        (.promptCompletion, #"{"prompt":"a","completion":"b","label":false}"#, "`label` is false: the answer is there as a bad one"),
        (.messages, #"{"documents":[{"text":"d"}],"messages":[]}"#, "`documents` is not supported: documents are not given to the chat template"),
        (.messages, #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#, "turn 1: part 1 of `content` is of type \"image_url\""),
        (.alpaca, #"{"instruction":"a","input":"c","context":"d","output":"b"}"#, "both `input` and `context`, and they differ"),
        (.alpaca, #"{"instruction":"a","output":"b","response":"c"}"#, "both `output` and `response`, and they differ"),
        (.messages, #"{"messages":[{"role":"user","from":"gpt","content":"a"}]}"#, "turn 1: both `role` and `from`, and they differ"),
        (.messages, #"{"messages":[{"role":"user","content":"a","value":"b"}]}"#, "turn 1: both `content` and `value`, and they differ"),
        (.messages, #"{"messages":[{"role":"user","content":[{"text":"a","image_url":{"url":"b"}}]}]}"#, "turn 1: part 1 of `content` has `image_url`"),
        (.messages, #"{"messages":[{"role":"user","content":[{"type":"text","text":"a","loss":false}]}]}"#, "turn 1: part 1 of `content` has `loss`"),
        (.messages, #"{"messages":[{"role":"assistant","content":null,"refusal":"No."}]}"#, "turn 1: `refusal` is not supported"),
        (.messages, #"{"messages":[{"role":"assistant","content":"b","train_detail":[{"train":false}]}]}"#, "turn 1: `train_detail` is not supported"),
        (.messages, #"{"messages":[{"role":"assistant","content":"b","weight":0.5}]}"#, "turn 1: `weight` must be 0, 1, true, false or null; other weights"),
        (.messages, #"{"messages":[{"role":"assistant","content":null}]}"#, "turn 1: `content` must be a string, not null"),
        (.messages, #"{"messages":[{"role":"assistant","tool_calls":[{"name":"f","arguments":{"x":1e999}}]}]}"#, "turn 1: a call of a function holds a number that is not finite"),
        (.messages, #"{"messages":[{"role":"assistant","tool_calls":"[{"}]}"#, "turn 1: `tool_calls` is a text that is not valid JSON at column 3"),
        (.messages, #"{"messages":[{"role":"assistant","reasoning":"a","thinking":"b","content":"c"}]}"#, "turn 1: the turn's reasoning is given twice"),
        (.messages, #"{"tools":"many","messages":[{"role":"user","content":"a"}]}"#, "`tools` is a text that is not valid JSON"),
        (.messages, #"{"system":"s","messages":[{"role":"system","content":"t"}]}"#, "both `system` and a system turn, and they differ"),
        (.alpaca, #"{"instruction":"a","output":"b","history":["c"]}"#, "round 1 in `history` must be a list of two texts"),
        (.text, #"{"text":"a \ud83d b"}"#, "not valid JSON at column 12: half of a surrogate pair in a string"),
        (.text, #"{"text":"a","text":"b"}"#, "not valid JSON at column 13: the key \"text\" is given twice; the first is in column 2"),
        (.text, #"{"text":"a""#, "not valid JSON at column 12: the { of column 1 is never closed; an object must stand on one line"),
    ] as [(DataFormat, String, String)])
    func refusedByName(format: DataFormat, row: String, expected: String) {
        let text = message { try read(row, as: format) }
        #expect(text.hasPrefix(expected), "\(text)")
    }
}
