/// Zephyr and TinyLlama chat: `<|role|>\ntext</s>\n`.
struct ZephyrTemplate {
    func render(_ turns: [Turn], marks: TemplateMarks, forGeneration: Bool, into out: inout RenderedText) throws(RecordError) {
        for (index, turn) in turns.enumerated() {
            if turn.role == .tool { throw RecordError("the template `zephyr` has no place for turn \(index + 1), a tool's answer") }
            let role = turn.role.isAssistant ? "assistant" : turn.role.rawValue
            out.write("<|\(role)|>\n")
            out.write(turn.fullText + marks.eos, trained: turn.countsInLoss)
            out.write("\n")
        }
        if forGeneration { out.write("<|assistant|>\n") }
    }
}

/// Stanford Alpaca's prompt; further rounds repeat the sections, a system turn replaces the preamble.
struct AlpacaTemplate {
    static let preamble = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
    static let preambleWithInput = """
        Below is an instruction that describes a task, paired with an input that provides further context. \
        Write a response that appropriately completes the request.
        """

    func render(_ turns: [Turn], marks: TemplateMarks, forGeneration: Bool, into out: inout RenderedText) throws(RecordError) {
        let (system, rest) = splittingSystem(turns)
        out.wantsBos = true
        let hasInput = rest.first.map { !$0.context.isEmpty } ?? false
        out.write(system ?? (hasInput ? Self.preambleWithInput : Self.preamble))
        for (index, turn) in rest.enumerated() {
            switch turn.role {
            case .assistant, .toolCall:
                out.write("\n\n### Response:\n")
                out.write(turn.text + marks.eos, trained: turn.countsInLoss)
            case .user:
                out.write("\n\n### Instruction:\n\(turn.text)")
                if !turn.context.isEmpty { out.write("\n\n### Input:\n\(turn.context)") }
            case .system, .tool:
                throw RecordError("the template `alpaca` has no place for turn \(turns.count - rest.count + index + 1), \(turn.role.rawValue)")
            }
        }
        if forGeneration { out.write("\n\n### Response:\n") }
    }
}

/// For models without chat training: each turn on its own, a line feed after it, and eos after an answer.
struct PlainTemplate {
    func render(_ turns: [Turn], marks: TemplateMarks, into out: inout RenderedText) {
        out.wantsBos = true
        for (index, turn) in turns.enumerated() {
            if turn.role.isAssistant {
                out.write(turn.fullText + marks.eos, trained: turn.countsInLoss)
                if index < turns.count - 1 { out.write("\n") }
            } else {
                out.write(turn.fullText + "\n")
            }
        }
    }
}
