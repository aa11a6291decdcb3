import Basics
import Foundation
import HealData
import Testing

/// Templates that are none of the known ones, on conversations with tools, calls and reasoning; see `Tests/Golden/data/own.py`.
struct OwnTemplateGolden: Sendable, CustomTestStringConvertible {
    let name: String
    let source: String
    /// The same with `{% generation %}` around what the model writes.
    let marked: String
    let rows: RowFile
    /// What the reference makes of each row; nil where it refuses.
    let expected: [Expected?]

    struct Expected: Sendable {
        let ids: [Int32]
        let trained: [[Int]]
    }

    private struct Case: Decodable {
        let ids: [Int32]?
        let trained: [[Int]]?
    }

    var testDescription: String { name }

    static let all: [OwnTemplateGolden] = {
        let folder = goldenDirectory.appendingPathComponent("own")
        func text(_ name: String) -> String { try! String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8) }
        return ["brackets", "headers", "opened", "tags", "thoughts"].map { name in
            let rows = try! RowFile(path: folder.appendingPathComponent(name + ".jsonl").path)
            let expected = try! JSONDecoder().decode([Case].self, from: Data(text(name + ".json").utf8))
            return OwnTemplateGolden(
                name: name, source: text(name + ".jinja"), marked: text(name + "_training.jinja"), rows: rows,
                expected: expected.map { item in item.ids.map { Expected(ids: $0, trained: item.trained!) } })
        }
    }()
}

@Suite struct OwnTemplateGoldenTests {
    static let tokenizer = try! TokenizerFiles.load(
        directory: goldenDirectory.appendingPathComponent("../../../models/stories260K").standardized.path)

    @Test(arguments: OwnTemplateGolden.all, [false, true]) func idsAndLabelsAreTheReferences(golden: OwnTemplateGolden, isMarked: Bool) throws {
        let source = isMarked ? golden.marked : golden.source
        let encoder = SampleEncoder(tokenizer: Self.tokenizer, template: try ChatTemplate.resolve(jinja: source), maxLength: 1 << 20)
        var written = 0
        for (index, expected) in golden.expected.enumerated() {
            let conversation = try golden.rows.conversation(ofRow: index, format: .messages)
            let readsReasoning = source.contains("reasoning_content"), readsTools = source.contains("tools")
            let hasReasoning = conversation.turns!.contains { $0.fields["reasoning_content"] != nil }
            guard let expected, readsReasoning || !hasReasoning, readsTools || conversation.tools.isEmpty else {
                let error = #expect(throws: RecordError.self, "\(golden.name), case \(index)") { try encoder.encode(conversation) }
                if expected != nil { #expect(error?.description.contains("leaves out") == true, "\(golden.name), case \(index): \(String(describing: error))") }
                continue
            }
            let encoded = try encoder.encode(conversation)
            let idsAreEqual = encoded.tokens == expected.ids
            #expect(idsAreEqual, "\(golden.name), case \(index): \(encoded.rendered.string)")
            #expect(encoded.trainedRanges == expected.trained, "\(golden.name), case \(index)")
            written += 1
        }
        #expect(written >= 4)
    }
}

extension EncodedText {
    fileprivate var trainedRanges: [[Int]] {
        let starts = trained.indices.filter { trained[$0] && ($0 == 0 || !trained[$0 - 1]) }
        return starts.map { start in [start, trained[start...].firstIndex(of: false) ?? trained.count] }
    }
}

@Suite struct OwnTemplateTests {
    private let marks = TemplateMarks(bos: "<s>", eos: "</s>")
    private static let source = """
        {%- for message in messages %}{{- '<' + message.role + '>' + message.content }}
        {%- for item in message.tool_calls %}{{- '!' + item.function.name }}{%- endfor %}{{- '<end>\\n' }}{%- endfor %}
        {%- if add_generation_prompt %}{{- '<assistant>' }}{%- endif %}
        """

    private func rendered(_ source: String, _ turns: [Turn], tools: [JSON] = []) throws -> String {
        let text = try ChatTemplate.resolve(jinja: source).render(.turns(turns, tools: tools), marks: marks)
        var marked: [UInt8] = [], place = 0
        for range in text.trained {
            marked += text.bytes[place..<range.lowerBound] + Array("⟦".utf8) + text.bytes[range] + Array("⟧".utf8)
            place = range.upperBound
        }
        return String(decoding: marked + text.bytes[place...], as: UTF8.self)
    }

    private func call(_ name: String) -> JSON { .object([("type", "function"), ("function", .object([("name", JSON(.string(name))), ("arguments", .object([]))]))]) }

    @Test func answersAreTrainedWithTheirEndMark() throws {
        let turns = [Turn(.user, "a"), Turn(.assistant, "b"), Turn(.user, "c"), Turn(.assistant, "d", trained: false), Turn(.user, "e"), Turn(.assistant, " ")]
        #expect(try rendered(Self.source, turns) == "<user>a<end>\n<assistant>⟦b<end>⟧\n<user>c<end>\n<assistant>d<end>\n<user>e<end>\n<assistant> <end>\n")
    }

    @Test func callsAreAnswers() throws {
        let turns = [Turn(.user, "a"), Turn(.assistant, "", fields: .object([("tool_calls", JSON(.array([call("f")])))])), Turn(.tool, "1"), Turn(.assistant, "b")]
        #expect(try rendered(Self.source, turns) == "<user>a<end>\n<assistant>⟦!f<end>⟧\n<tool>1<end>\n<assistant>⟦b<end>⟧\n")
    }

    /// A turn that is a call as ShareGPT writes it is a call for templates that know calls, and text for others.
    @Test func callsThatAreTextAreCallsWhereTheTemplateReadsCalls() throws {
        let turns = [Turn(.user, "a"), Turn(.toolCall, "{f}", fields: .object([("tool_calls", JSON(.array([call("f")])))])), Turn(.tool, "1")]
        #expect(try rendered(Self.source, turns) == "<user>a<end>\n<assistant>⟦!f<end>⟧\n<tool>1<end>\n")
        let words = "{% for m in messages %}{{ m.role + ':' + m.content + ';' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
        #expect(try rendered(words, turns) == "user:a;assistant:⟦{f};⟧tool:1;")
    }

    /// Interfaces write the content of a turn that only calls as empty or as null; templates ask for either.
    @Test func callsAreFoundByTemplatesThatAskForNoContent() throws {
        let source = """
            {%- for m in messages %}{%- if m.role == 'assistant' and m.content is none %}{{- '@' + m.tool_calls[0].function.name }}
            {%- else %}{{- '#' + m.role + m.content }}{%- endif %}{{- eos_token }}{%- endfor %}{%- if add_generation_prompt %}{{- '' }}{%- endif %}
            """
        let turns = [Turn(.user, "a"), Turn(.assistant, "", fields: .object([("tool_calls", JSON(.array([call("f")])))]))]
        #expect(try rendered(source, turns) == "#usera</s>⟦@f</s>⟧")
    }

    @Test func whatTheTemplateLeavesOutIsNamed() {
        let question = Turn(.user, "a"), answer = Turn(.assistant, "b"), field = { (key: String, value: JSON) in JSON.object([(key, value)]) }
        let words = "{% for m in messages if m.role != 'tool' %}{{ m.role + ':' + m.content + ';' }}{% endfor %}"
        for (turns, tools, what) in [
            ([question, answer], [call("f")], "the row has `tools`"),
            ([question, Turn(.assistant, "", fields: field("tool_calls", JSON(.array([call("f")]))))], [], "turn 2 has `tool_calls`"),
            ([question, Turn(.assistant, "b", fields: field("reasoning_content", "r"))], [], "turn 2 has `reasoning_content`"),
            ([question, Turn(.tool, "1"), answer], [], "turn 2 (tool) has text"),
        ] as [([Turn], [JSON], String)] {
            let text = message { try ChatTemplate.resolve(jinja: words).render(.turns(turns, tools: tools), marks: marks) }
            #expect(text == "\(what), which the model's chat template leaves out; remove it from the row, or write it into the turns' text")
        }
    }

    @Test func refusalsAreTheTemplatesOwn() {
        let source = "{% if messages[0].role != 'user' %}{{ raise_exception('the user speaks first') }}{% endif %}{{ messages[0].content.nothing() }}"
        #expect(message { try ChatTemplate.resolve(jinja: source).render(.turns([Turn(.assistant, "a")]), marks: marks) }
            == "the model's chat template refuses the conversation: the user speaks first")
        #expect(message { try ChatTemplate.resolve(jinja: source).render(.turns([Turn(.user, "a")]), marks: marks) }
            .hasPrefix("the model's chat template cannot write the conversation: its line 1:"))
    }

    /// Where it cannot be told what the model is to write, nothing is guessed.
    @Test func answersThatCannotBeToldAreRefused() {
        let other = "{% for m in messages %}{{ '<' + m.role + '>' + m.content + '|' }}{% endfor %}{% if add_generation_prompt %}{{ 'Answer: ' }}{% endif %}"
        let text = message { try ChatTemplate.resolve(jinja: other).render(.turns([Turn(.user, "a"), Turn(.assistant, "b")]), marks: marks) }
        #expect(text.hasPrefix("the model's chat template does not show where the answer in turn 2 begins and ends: the generation prompt is not its beginning"))
    }

    /// What looks like a known template and is another is written as it stands.
    @Test func lookalikesAreRun() throws {
        let tight = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' + message['content'] + '<|im_end|>' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant ' }}{% endif %}"
        let template = try ChatTemplate.resolve(jinja: tight)
        #expect(template.name == nil)
        #expect(try rendered(tight, [Turn(.user, "a"), Turn(.assistant, "b")]) == "<|im_start|>user a<|im_end|><|im_start|>assistant ⟦b<|im_end|>⟧")
    }

    /// A known template is taken for a row only where the source writes the same.
    @Test func whatProbesDoNotShowIsWrittenByTheSource() throws {
        let start = "{% for message in messages %}", end = "<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
        let turns = [Turn(.user, "a"), Turn(.assistant, "b"), Turn(.user, "c"), Turn(.assistant, "d")]
        let named = start + "{{ '<|im_start|>' + message['role'] + '\\n' + (message.name + ': ' if message.name else '') + message['content'] + '" + end
        #expect(try rendered(named, [Turn(.user, "a", fields: .object([("name", "bob")])), Turn(.assistant, "b")])
            == "<|im_start|>user\nbob: a<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>⟧\n")
        let strict = "{% if messages|length > 3 %}{{ raise_exception('too long') }}{% endif %}" + start
            + "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '" + end
        #expect(try rendered(strict, Array(turns.prefix(2))) == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>⟧\n")
        #expect(message { try ChatTemplate.resolve(jinja: strict).render(.turns(turns), marks: marks) } == "the model's chat template refuses the conversation: too long")
        let early = start + "{% if message.role != 'system' or loop.first %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endif %}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
        let late = message { try ChatTemplate.resolve(jinja: early).render(.turns([Turn(.user, "a"), Turn(.system, "late"), Turn(.assistant, "b")]), marks: marks) }
        #expect(late.hasPrefix("turn 2 (system) has text, which the model's chat template leaves out"))
    }

    /// What belongs to the turn after an answer is not the model's to write.
    @Test func answersEndWhereTheNextTurnBegins() throws {
        let called = Turn(.assistant, "", fields: .object([("tool_calls", JSON(.array([call("w")])))]))
        let echo = """
            {%- for m in messages %}{%- if m.tool_calls %}{%- set ns = m.tool_calls[0].function.name %}{{- '<|call ' + ns + '|><|end|>' }}
            {%- elif m.role == 'tool' %}{{- '<|tool ' + messages[loop.index0 - 1].tool_calls[0].function.name + '|>' + m.content + '<|end|>' }}
            {%- else %}{{- '<|' + m.role + '|>' + m.content + '<|end|>' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '' }}{%- endif %}
            """
        #expect(try rendered(echo, [Turn(.user, "a"), called, Turn(.tool, "x")]) == "<|user|>a<|end|>⟦<|call w|><|end|>⟧<|tool w|>x<|end|>")
        let between = "{% for m in messages %}{{ m.role + ': ' + m.content }}{% if not loop.last %}{{ eos_token }}{% endif %}{% endfor %}"
            + "{% if add_generation_prompt %}{{ eos_token + 'assistant: ' }}{% endif %}"
        let turns = [Turn(.user, "a"), Turn(.assistant, "b"), Turn(.user, "c"), Turn(.assistant, "d")]
        #expect(try rendered(between, turns) == "user: a</s>assistant: ⟦b</s>⟧user: c</s>assistant: ⟦d⟧")
        let spaced = "{% for m in messages %}{{ '<' + m.role + '>' + m.content + ('\\n' if m.role == 'assistant' and not loop.last else '') + '[end]' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
        #expect(try rendered(spaced, [turns[0], turns[1], turns[2]]) == "<user>a[end]<assistant>⟦b\n[end]⟧<user>c[end]")
        let always = "{% for m in messages %}{{ '<|start|>' + m['role'] + '<|sep|>' + m['content'] + '<|end|>' }}{% endfor %}<|start|>assistant<|sep|>"
        #expect(message { try ChatTemplate.resolve(jinja: always).render(.turns(turns), marks: marks) }.contains("the template opens another turn behind it"))
    }

    /// Without a generation prompt, a header is told by an answer of words alone; what marks a call is the model's to write.
    @Test func headersAreFoundWithoutAGenerationPrompt() throws {
        let source = "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
        let turns = [Turn(.user, "a"), Turn(.assistant, "b")]
        #expect(try rendered(source, turns) == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>⟧\n")
        #expect(try rendered(source.replacing("m[", with: "message[").replacing("for m ", with: "for message "), turns) == rendered(source, turns))
    }

    @Test func flagsInOneGenerationBlockMustAgree() {
        let source = "{% generation %}{% for m in messages %}{{ m.role + m.content }}{% endfor %}{% endgeneration %}"
        let turns = [Turn(.user, "a"), Turn(.assistant, "b", trained: false), Turn(.user, "c"), Turn(.assistant, "d")]
        #expect(message { try ChatTemplate.resolve(jinja: source).render(.turns(turns), marks: marks) }.hasPrefix("turns 2 and 4 stand in one `{% generation %}` block"))
    }

    /// Reasoning goes by the name that the template has for it.
    @Test func reasoningHasTheTemplatesName() throws {
        let source = "{% for m in messages %}{{ '<' + m.role + '>' + ('(' + m.thinking + ')' if m.thinking else '') + m.content + '.' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
        let answer = Turn(.assistant, "b", fields: .object([("reasoning_content", "r")]))
        #expect(try rendered(source, [Turn(.user, "a"), answer]) == "<user>a.<assistant>⟦(r)b.⟧")
    }

    @Test func marksThatAreNotKnownAreRefused() {
        #expect(message { try ChatTemplate.resolve(jinja: "{{ pad_token }}{{ messages[0].content }}").render(.turns([Turn(.user, "a")]), marks: marks) }
            .contains("`pad_token`, which the template writes, is not known here"))
    }

    @Test func differentSourcesAreDifferentData() throws {
        let a = try ChatTemplate.resolve(jinja: Self.source), b = try ChatTemplate.resolve(jinja: Self.source + " ")
        #expect(a.identity != b.identity && a.identity.hasPrefix("own("))
        // Runs of before resume: a known template is told by what it is, not by the source it was found in.
        let chatml = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
        #expect(try ChatTemplate.resolve(jinja: chatml).identity == ChatTemplate.chatml(ChatMLTemplate()).identity)
    }
}
