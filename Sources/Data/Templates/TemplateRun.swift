import Basics

/// Runs a template over a conversation, with the variables that transformers' `apply_chat_template` gives it.
struct TemplateRun {
    /// What a turn of calls alone has as its content. Interfaces write either, and templates tell them apart.
    enum ContentOfCalls {
        case empty, none
    }

    let template: JinjaTemplate
    let marks: TemplateMarks
    private var messages: [JinjaValue]
    private let tools: JinjaValue
    /// About how many bytes the variables hold.
    private let size: Int

    init(_ template: JinjaTemplate, _ turns: [Turn], tools: [JSON] = [], marks: TemplateMarks, contentOfCalls: ContentOfCalls = .empty) {
        self.template = template
        self.marks = marks
        let readsCalls = template.words.contains("tool_calls")
        let reasoning = Self.reasoningKeys.first(where: template.words.contains) ?? "reasoning_content"
        messages = turns.enumerated().map { Self.message($1, number: $0, readsCalls: readsCalls, contentOfCalls: contentOfCalls, reasoning: reasoning) }
        self.tools = tools.isEmpty ? .none : .list(tools.map { JinjaValue($0, from: .tools) })
        size = turns.reduce(1000) { $0 + $1.fullText.utf8.count + $1.fields.text().utf8.count } + tools.reduce(0) { $0 + $1.text().utf8.count }
    }

    /// The names that templates have for a message's reasoning; rows may use any of them.
    private static let reasoningKeys = ["reasoning_content", "thinking", "reasoning"]

    static func readsReasoning(_ template: JinjaTemplate) -> Bool { reasoningKeys.contains(where: template.words.contains) }

    /// The text of the first `count` messages, and the ranges of it that stand in `{% generation %}` blocks.
    func text(ofFirst count: Int, forGeneration: Bool = false) throws(JinjaError) -> (text: TracedText, generated: [Range<Int>]) {
        let variables: [(String, JinjaValue)] = [
            ("messages", .list(Array(messages.prefix(count)))), ("tools", tools), ("documents", .none), ("add_generation_prompt", .bool(forGeneration)),
            ("bos_token", marks.bos.isEmpty ? .undefined("`bos_token`") : .string(marks.bos)),
            ("eos_token", marks.eos.isEmpty ? .undefined("`eos_token`") : .string(marks.eos)),
        ]
        var interpreter = JinjaInterpreter(template, variables: variables, size: size)
        try interpreter.run()
        return (interpreter.output, interpreter.generated)
    }

    /// The conversation up to its first `count` turns.
    func first(_ count: Int) -> TemplateRun {
        var run = self
        run.messages.removeLast(messages.count - count)
        return run
    }

    /// The same conversation with another turn of words.
    func followed(by turn: Turn) -> TemplateRun {
        var run = self
        run.messages.append(Self.message(turn, number: messages.count, readsCalls: false, contentOfCalls: .empty, reasoning: ""))
        return run
    }

    /// A call that is the very text of its turn is given as a call where the template reads calls, and as text where not.
    private static func message(_ turn: Turn, number: Int, readsCalls: Bool, contentOfCalls: ContentOfCalls, reasoning: String) -> JinjaValue {
        let callIsText = turn.role == .toolCall && !turn.text.isBlank && turn.hasCalls
        let text = callIsText && readsCalls ? "" : turn.fullText
        let isOfCallsAlone = text.isEmpty && turn.hasCalls
        let content = TracedText(Array(text.utf8), from: .message(number, .content))
        var entries: [(key: JinjaValue, value: JinjaValue)] = [
            (.string("role"), .string(turn.role.isAssistant ? "assistant" : turn.role.rawValue)),
            (.string("content"), isOfCallsAlone && contentOfCalls == .none ? .none : .text(content)),
        ]
        for field in turn.fields.members ?? [] where !(field.key == "tool_calls" && callIsText && !readsCalls) {
            let part: TextOrigin.Field = field.key == "tool_calls" ? .toolCalls : field.key == "reasoning_content" ? .reasoning : .other
            entries.append((.string(part == .reasoning ? reasoning : field.key), JinjaValue(field.value, from: .message(number, part))))
        }
        return .dictionary(JinjaDictionary(unique: entries))
    }
}

extension Turn {
    /// Whether the turn asks for functions, apart from what its text says.
    var hasCalls: Bool { fields["tool_calls"]?.elements?.isEmpty == false }
}

extension JinjaValue {
    /// A value of JSON, whose strings know where they come from.
    init(_ json: JSON, from origin: TextOrigin) {
        switch json.value {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .number(value)
        case .string(let text): self = .text(TracedText(Array(text.utf8), from: origin))
        case .array(let elements): self = .list(elements.map { JinjaValue($0, from: origin) })
        case .object(let members):
            let entries = members.map { (key: JinjaValue.text(TracedText(Array($0.key.utf8), from: origin)), value: JinjaValue($0.value, from: origin)) }
            self = .dictionary(JinjaDictionary(unique: entries))
        }
    }
}
