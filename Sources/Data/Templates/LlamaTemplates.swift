/// Llama 2 chat: `<s>[INST] <<SYS>>\nsystem\n<</SYS>>\n\nuser [/INST] answer </s>`, one bos a round.
struct Llama2Template {
    func render(_ turns: [Turn], marks: TemplateMarks, into out: inout RenderedText) throws(RecordError) {
        let (system, rest) = splittingSystem(turns)
        try requireAlternation(rest, template: "llama2")
        for (index, turn) in rest.enumerated() {
            if turn.role == .user {
                var text = turn.fullText
                if index == 0, let system { text = "<<SYS>>\n\(system)\n<</SYS>>\n\n\(text)" }
                out.write("\(marks.bos)[INST] \(text.strippedLikePython()) [/INST]")
            } else {
                out.write(" \(turn.fullText.strippedLikePython()) \(marks.eos)", trained: turn.countsInLoss)
            }
        }
    }
}

/// Llama 3: `<|start_header_id|>role<|end_header_id|>\n\ntext<|eot_id|>`.
package struct Llama3Template: Sendable, Equatable {
    /// Llama 3.1 and 3.2 open every conversation with a system turn that names this date; nil is Llama 3.
    ///
    /// The stock template of 3.2 writes the day it runs on. Training must not depend on that, so the date is the one it falls back on.
    package var date: String?

    package init(date: String? = nil) { self.date = date }

    func render(_ turns: [Turn], marks: TemplateMarks, forGeneration: Bool, into out: inout RenderedText) throws(RecordError) {
        var rest = turns[...]
        out.write(marks.bos)
        if let date {
            let (system, others) = splittingSystem(turns)
            rest = others
            out.write("<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: \(date)\n\n")
            out.write((system ?? "").strippedLikePython() + "<|eot_id|>")
        }
        for turn in rest {
            let role = turn.role.isAssistant ? "assistant" : turn.role.rawValue
            out.write("<|start_header_id|>\(role)<|end_header_id|>\n\n")
            out.write(turn.fullText.strippedLikePython() + "<|eot_id|>", trained: turn.countsInLoss)
        }
        if forGeneration { out.write("<|start_header_id|>assistant<|end_header_id|>\n\n") }
    }
}
