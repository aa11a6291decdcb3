/// How conversations are written for a model: one of a closed set, each the equal of a stock Hugging Face template.
///
/// Turns of the assistant are trained with the mark that ends them. An empty answer is written but not trained.
package enum ChatTemplate: Sendable, Equatable {
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

    package var name: Name {
        switch self {
        case .chatml: .chatml
        case .llama2: .llama2
        case .llama3: .llama3
        case .mistral: .mistral
        case .zephyr: .zephyr
        case .alpaca: .alpaca
        case .plain: .plain
        }
    }

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
            if endsDocument { out.write(marks.eos, trained: true) }
        case (.completion(let prompt, let completion), .plain):
            out.wantsBos = true
            out.write(prompt)
            if !forGeneration { out.write(completion + marks.eos, trained: !completion.isBlank) }
        default:
            try requirePlace(for: conversation)
            try renderTurns(conversation.turns ?? [], marks: marks, forGeneration: forGeneration, into: &out)
        }
        return out
    }

    /// Throws where a conversation holds what these templates do not write, and what would be lost without a word.
    private func requirePlace(for conversation: Conversation) throws(RecordError) {
        func refusal(_ what: String) -> RecordError {
            RecordError("\(what), for which heal's template `\(name.rawValue)` has no place yet; remove it from the row, or write it into the turns' text")
        }
        if !conversation.tools.isEmpty { throw refusal("the row has `tools`") }
        for (index, turn) in (conversation.turns ?? []).enumerated() {
            // The text of such a turn is the call as it is written.
            let isWritten = turn.role == .toolCall && !turn.text.isBlank
            for key in ["tool_calls", "reasoning_content"] where turn.fields[key] != nil && !isWritten {
                throw refusal("turn \(index + 1) has `\(key)`")
            }
        }
    }

    private func renderTurns(
        _ turns: [Turn], marks: TemplateMarks, forGeneration: Bool, into out: inout RenderedText
    ) throws(RecordError) {
        switch self {
        case .chatml(let template): try template.render(turns, forGeneration: forGeneration, into: &out)
        case .llama2: try Llama2Template().render(turns, marks: marks, into: &out)
        case .llama3(let template): try template.render(turns, marks: marks, forGeneration: forGeneration, into: &out)
        case .mistral(let template): try template.render(turns, marks: marks, into: &out)
        case .zephyr: try ZephyrTemplate().render(turns, marks: marks, forGeneration: forGeneration, into: &out)
        case .alpaca: try AlpacaTemplate().render(turns, marks: marks, forGeneration: forGeneration, into: &out)
        case .plain: PlainTemplate().render(turns, marks: marks, into: &out)
        }
    }

    /// What ends an answer; nil where the eos token does.
    var endMark: String? {
        switch self {
        case .chatml: "<|im_end|>"
        case .llama3: "<|eot_id|>"
        case .llama2, .mistral, .zephyr, .alpaca, .plain: nil
        }
    }

    /// Marks that the template writes beside bos and eos, and that a model of its family has tokens for.
    var marks: [String] {
        switch self {
        case .chatml: ["<|im_start|>", "<|im_end|>"]
        case .llama3: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        case .llama2, .mistral, .zephyr, .alpaca, .plain: []
        }
    }

    /// Everything that tells this template from another, for fingerprints.
    package var identity: String { "\(self)" }
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
    /// Whether the turn's tokens count: an empty answer teaches nothing but silence.
    var countsInLoss: Bool { trained && !text.isBlank }
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
