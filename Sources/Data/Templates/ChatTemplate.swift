/// How conversations are written for a model: by its own template, or by one of a closed set, each the equal of a stock Hugging Face template.
///
/// Turns of the assistant are trained with the mark that ends them. An empty answer is written but not trained.
package enum ChatTemplate: Sendable, Equatable {
    indirect case own(OwnTemplate)
    case chatml(ChatMLTemplate)
    case llama2
    case llama3(Llama3Template)
    case mistral(MistralTemplate)
    case zephyr
    case alpaca
    case plain

    package enum Name: String, Sendable, Codable, CaseIterable {
        case chatml, llama2, llama3, mistral, zephyr, alpaca, plain
    }

    /// Its name in the closed set; nil for a model's own template that is none of them.
    package var name: Name? {
        switch self {
        case .own(let own): own.known?.name
        case .chatml: .chatml
        case .llama2: .llama2
        case .llama3: .llama3
        case .mistral: .mistral
        case .zephyr: .zephyr
        case .alpaca: .alpaca
        case .plain: .plain
        }
    }

    /// For messages.
    var title: String { name.map { "the template `\($0.rawValue)`" } ?? "the model's chat template" }

    /// The template of that name in its usual form: ChatML and Llama 3 without a preamble, Mistral as of its 0.2 release.
    package init(named name: Name) {
        switch name {
        case .chatml: self = .chatml(ChatMLTemplate())
        case .llama2: self = .llama2
        case .llama3: self = .llama3(Llama3Template())
        case .mistral: self = .mistral(MistralTemplate())
        case .zephyr: self = .zephyr
        case .alpaca: self = .alpaca
        case .plain: self = .plain
        }
    }

    /// Writes a conversation.
    ///
    /// - Parameters:
    ///   - marks: how the tokenizer spells its bos and eos tokens.
    ///   - forGeneration: whether to end with the opening of an assistant's turn.
    /// - Throws: a `RecordError` where the stock template refuses the conversation too, or would drop a turn in silence.
    package func render(_ conversation: Conversation, marks: TemplateMarks, forGeneration: Bool = false) throws(RecordError) -> RenderedText {
        var out = RenderedText()
        switch (conversation, self) {
        case (.text(let text, let endsDocument), _):
            out.wantsBos = true
            out.write(text, trained: true)
            if endsDocument, marks.eos.isEmpty || !text.hasSuffix(marks.eos) { out.write(marks.eos, trained: true) }
        case (.completion(let prompt, let completion), .plain):
            out.wantsBos = true
            out.write(prompt)
            if !forGeneration { out.write(completion.hasSuffix(marks.eos) ? completion : completion + marks.eos, trained: !completion.isBlank) }
        case (_, .own(let own)):
            return try own.render(conversation, marks: marks, forGeneration: forGeneration)
        default:
            try requirePlace(for: conversation)
            try renderTurns(conversation.turns ?? [], marks: marks, forGeneration: forGeneration, into: &out)
        }
        return out
    }

    /// Whether a conversation holds nothing but what the closed set writes.
    func hasPlace(for conversation: Conversation) -> Bool { (try? requirePlace(for: conversation)) != nil }

    /// Throws where a conversation holds what the closed set does not write, and what would be lost without a word.
    private func requirePlace(for conversation: Conversation) throws(RecordError) {
        func refusal(_ what: String) -> RecordError {
            RecordError("\(what), for which \(title) has no place; remove it from the row, or write it into the turns' text")
        }
        if !conversation.tools.isEmpty { throw refusal("the row has `tools`") }
        for (index, turn) in (conversation.turns ?? []).enumerated() {
            // The text of such a turn is the call as it is written.
            let isWritten = turn.role == .toolCall && !turn.text.isBlank
            for key in ["tool_calls", "reasoning_content"] where turn.fields[key] != nil && !isWritten {
                throw refusal("turn \(index + 1) has `\(key)`")
            }
            // Llama 3.1 writes a tool's answer as JSON under another role; its relatives do not.
            if case .llama3(let template) = self, template.date != nil, turn.role == .tool {
                throw refusal("turn \(index + 1) is a tool's answer")
            }
        }
    }

    private func renderTurns(
        _ turns: [Turn], marks: TemplateMarks, forGeneration: Bool, into out: inout RenderedText
    ) throws(RecordError) {
        switch self {
        case .own: break
        case .chatml(let template): try template.render(turns, forGeneration: forGeneration, into: &out)
        case .llama2: try Llama2Template().render(turns, marks: marks, into: &out)
        case .llama3(let template): try template.render(turns, marks: marks, forGeneration: forGeneration, into: &out)
        case .mistral(let template): try template.render(turns, marks: marks, into: &out)
        case .zephyr: try ZephyrTemplate().render(turns, marks: marks, forGeneration: forGeneration, into: &out)
        case .alpaca: try AlpacaTemplate().render(turns, marks: marks, forGeneration: forGeneration, into: &out)
        case .plain: PlainTemplate().render(turns, marks: marks, into: &out)
        }
    }

    /// What ends an answer; empty where nothing does.
    func endMark(_ marks: TemplateMarks) -> String {
        switch self {
        case .own(let own): own.known?.endMark(marks) ?? own.endMark(marks)
        case .chatml: "<|im_end|>"
        case .llama3: "<|eot_id|>"
        case .llama2, .mistral, .zephyr, .alpaca, .plain: marks.eos
        }
    }

    /// Marks that the template writes beside bos and eos, and that a model of its family has tokens for.
    func marks(_ marks: TemplateMarks) -> [String] {
        switch self {
        case .own(let own): own.known?.marks(marks) ?? own.marks(marks)
        case .chatml: ["<|im_start|>", "<|im_end|>"]
        case .llama3: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        case .llama2, .mistral, .zephyr, .alpaca, .plain: []
        }
    }

    /// Whether the template writes the bos and the eos token.
    var writesMarks: (bos: Bool, eos: Bool) {
        switch self {
        case .own(let own): own.known?.writesMarks ?? own.writesMarks
        case .chatml: (false, false)
        case .llama3: (true, false)
        case .llama2, .mistral: (true, true)
        case .zephyr, .alpaca, .plain: (false, true)
        }
    }

    /// Everything that tells this template from another, for fingerprints.
    package var identity: String {
        if case .own(let own) = self { own.identity } else { "\(self)" }
    }
}

/// How a tokenizer spells the tokens that templates write; empty where it has none.
package struct TemplateMarks: Sendable, Equatable {
    package var bos: String
    package var eos: String

    package init(bos: String, eos: String) {
        self.bos = bos
        self.eos = eos
    }

    package init(_ tokenizer: some Tokenizer) {
        bos = tokenizer.special.bos.flatMap(tokenizer.token) ?? ""
        eos = tokenizer.special.eos.flatMap(tokenizer.token) ?? ""
    }
}

extension String {
    /// Whether there is nothing but white space.
    var isBlank: Bool { unicodeScalars.allSatisfy(\.isPythonSpace) }
}

extension Turn {
    /// Whether the turn says anything: an empty answer teaches nothing but silence.
    var saysSomething: Bool { !text.isBlank || hasCalls }

    /// Whether the turn's tokens count.
    var countsInLoss: Bool { trained && saysSomething }
}

/// The turns after a leading system turn, and that turn's text.
func splittingSystem(_ turns: [Turn]) -> (system: String?, rest: ArraySlice<Turn>) {
    guard let first = turns.first, first.role == .system else { return (nil, turns[...]) }
    return (first.fullText, turns.dropFirst())
}

/// Throws unless user and assistant take turns, the user first: what the stock templates of Llama 2 and Mistral ask for.
func requireAlternation(_ turns: ArraySlice<Turn>, template: String) throws(RecordError) {
    for (index, turn) in turns.enumerated() {
        let expected: Role = index.isMultiple(of: 2) ? .user : .assistant
        guard turn.role == expected || (expected == .assistant && turn.role.isAssistant) else {
            throw RecordError("""
                the template `\(template)` wants user and assistant to take turns, the user first; \
                turn \(turns.startIndex + index + 1) is \(turn.role.rawValue)
                """)
        }
    }
}
