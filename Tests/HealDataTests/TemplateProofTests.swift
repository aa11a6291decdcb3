import HealData
import Testing

/// Sources that have the features of a known template and write something else.
@Suite struct TemplateProofTests {
    private static let chatml =
        "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

    @Test func whatIsTheSameIsKnown() {
        #expect(ChatTemplate.recognize(Self.chatml) == .chatml(ChatMLTemplate()))
    }

    @Test(arguments: [
        ("no line feeds", chatml.replacing("<|im_end|>\\n", with: "<|im_end|>")),
        ("a blank after the role", chatml.replacing("message.role + '\\n'", with: "message.role + ' '").replacing("assistant\\n", with: "assistant ")),
        ("a bos written out", "{{ '<s>' }}" + chatml),
        ("another generation prompt", chatml.replacing("assistant\\n", with: "assistant")),
        ("the first turn left out", chatml.replacing("in messages", with: "in messages[1:]")),
        ("capitals", chatml.replacing("message.content", with: "message.content | upper")),
        ("an endless loop", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}" + chatml),
        ("an unknown filter", chatml.replacing("message.content", with: "message.content | nowhere")),
    ])
    func whatOnlyLooksAlikeIsNot(kind: String, source: String) {
        #expect(ChatTemplate.recognize(source) == nil, "\(kind)")
    }

    /// Nothing that these templates do not write is dropped in silence.
    @Test func whatHasNoPlaceIsRefused() throws {
        let marks = TemplateMarks(bos: "<s>", eos: "</s>"), template = ChatTemplate.chatml(ChatMLTemplate())
        let call = Turn(.assistant, "", fields: .object([("tool_calls", [])])), question = Turn(.user, "a")
        for (conversation, key) in [
            (Conversation.turns([question, call]), "turn 2 has `tool_calls`"), (.turns([question, Turn(.assistant, "b")], tools: [.object([])]), "`tools`"),
        ] {
            let error = #expect(throws: RecordError.self) { try template.render(conversation, marks: marks) }
            #expect(error?.description.contains(key) == true, "\(key)")
        }
    }
}
