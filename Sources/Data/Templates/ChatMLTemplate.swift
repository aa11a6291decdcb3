/// ChatML: `<|im_start|>role\ntext<|im_end|>\n`, as SmolLM2, Qwen2, Qwen2.5, Qwen3 and OpenHermes models write it.
package struct ChatMLTemplate: Sendable, Equatable {
    /// Opens a conversation that has no system turn of its own.
    package var defaultSystem: String?
    /// Qwen2.5's and Qwen3's way with tools: calls inside `<tool_call>`, results as a user's turn inside `<tool_response>`.
    package var wrapsTools: Bool
    /// Qwen3: the last answer carries its reasoning, empty if there is none, and earlier answers lose theirs.
    package var thinks: Bool

    package init(defaultSystem: String? = nil, wrapsTools: Bool = false, thinks: Bool = false) {
        self.defaultSystem = defaultSystem
        self.wrapsTools = wrapsTools
        self.thinks = thinks
    }

    func render(_ turns: [Turn], forGeneration: Bool, into out: inout RenderedText) throws(RecordError) {
        if let defaultSystem, turns.first?.role != .system {
            out.write("<|im_start|>system\n\(defaultSystem)<|im_end|>\n")
        }
        let lastQuery = turns.lastIndex { $0.role == .user && !$0.isToolResponse } ?? turns.count - 1
        for (index, turn) in turns.enumerated() {
            if wrapsTools, turn.role == .tool {
                if index == 0 || turns[index - 1].role != .tool { out.write("<|im_start|>user") }
                out.write("\n<tool_response>\n\(turn.fullText)\n</tool_response>")
                if index == turns.count - 1 || turns[index + 1].role != .tool { out.write("<|im_end|>\n") }
                continue
            }
            let role = turn.role.isAssistant ? "assistant" : turn.role.rawValue
            out.write("<|im_start|>\(role)\n")
            out.write(text(of: turn, at: index, isLast: index == turns.count - 1, lastQuery: lastQuery) + "<|im_end|>", trained: turn.countsInLoss)
            out.write("\n")
        }
        if forGeneration { out.write("<|im_start|>assistant\n") }
    }

    private func text(of turn: Turn, at index: Int, isLast: Bool, lastQuery: Int) -> String {
        if wrapsTools, turn.role == .toolCall { return "<tool_call>\n\(turn.fullText)\n</tool_call>" }
        guard thinks, turn.role == .assistant else { return turn.fullText }
        let (reasoning, answer) = Self.splitReasoning(turn.fullText)
        if index > lastQuery, isLast || !reasoning.isEmpty {
            return "<think>\n\(reasoning.trimmingNewlines())\n</think>\n\n\(answer.trimmingNewlines(end: false))"
        }
        return answer
    }

    /// Reasoning between `<think>` and `</think>`, and the answer after it.
    static func splitReasoning(_ text: String) -> (reasoning: String, answer: String) {
        let parts = text.split(separator: "</think>", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return ("", text) }
        let before = String(parts[0]).trimmingNewlines(start: false)
        let reasoning = before.split(separator: "<think>", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        return (reasoning.trimmingNewlines(end: false), String(parts[parts.count - 1]).trimmingNewlines(end: false))
    }
}

extension Turn {
    fileprivate var isToolResponse: Bool { text.hasPrefix("<tool_response>") && text.hasSuffix("</tool_response>") }
}

extension String {
    /// Without line feeds at the ends asked for. Works on scalars: a carriage return and a line feed are one `Character`, but two here.
    fileprivate func trimmingNewlines(start: Bool = true, end: Bool = true) -> String {
        var scalars = unicodeScalars[...]
        if start { scalars = scalars.drop { $0 == "\n" } }
        if end { while scalars.last == "\n" { scalars.removeLast() } }
        return String(String.UnicodeScalarView(scalars))
    }
}
