import Basics

/// A model's own chat template: its Jinja source, run as transformers' `apply_chat_template` runs it.
package struct OwnTemplate: Sendable, Equatable {
    package let source: String
    /// A known template that writes the same text for conversations of words alone, and faster.
    package let known: ChatTemplate?
    private let jinja: JinjaTemplate

    /// What transformers gives to templates beside bos and eos, and hardly one asks for.
    private static let unknownMarks = [
        "unk_token", "pad_token", "sep_token", "cls_token", "mask_token", "image_token", "audio_token", "video_token", "boi_token", "eoi_token",
    ]

    /// - Throws: the reason why the source cannot be run.
    init(_ source: String, known: ChatTemplate?) throws(JinjaError) {
        self.source = source
        self.known = known
        jinja = try JinjaTemplate(source)
        if let name = Self.unknownMarks.first(where: { jinja.number(of: $0) != nil }) {
            throw JinjaError(kind: .unsupported, line: 1, message: "`\(name)`, which the template writes, is not known here")
        }
    }

    package static func == (left: OwnTemplate, right: OwnTemplate) -> Bool { left.source == right.source }

    func render(_ conversation: Conversation, marks: TemplateMarks, forGeneration: Bool) throws(RecordError) -> RenderedText {
        guard let known, known.hasPlace(for: conversation) else { return try run(conversation, marks: marks, forGeneration: forGeneration) }
        let rendered: RenderedText
        do throws(RecordError) {
            rendered = try known.render(conversation, marks: marks, forGeneration: forGeneration)
        } catch {
            // What a known template refuses, the model's own may write. Where it refuses too, the known one has the better words.
            guard let written = try? run(conversation, marks: marks, forGeneration: forGeneration) else { throw error }
            return written
        }
        // Probes prove a known template for conversations of their form only; each row proves its own.
        let turns = conversation.turns ?? [], whole = try text(of: TemplateRun(jinja, turns, marks: marks), turns.count, forGeneration).text
        return whole.bytes == rendered.bytes ? rendered : try run(conversation, marks: marks, forGeneration: forGeneration)
    }

    // MARK: What is written

    private func run(_ conversation: Conversation, marks: TemplateMarks, forGeneration: Bool) throws(RecordError) -> RenderedText {
        let turns = conversation.turns ?? [], tools = conversation.tools
        var run = TemplateRun(jinja, turns, tools: tools, marks: marks)
        var whole = try text(of: run, turns.count, forGeneration)
        if leavesOutCalls(whole.text, turns) {
            let other = TemplateRun(jinja, turns, tools: tools, marks: marks, contentOfCalls: .none)
            if let text = try? text(of: other, turns.count, forGeneration), !leavesOutCalls(text.text, turns) { (run, whole) = (other, text) }
        }
        try requireEverything(in: whole.text, turns, tools)
        if forGeneration { return RenderedText(bytes: whole.text.bytes, trained: []) }
        let answers = turns.indices.filter { turns[$0].countsInLoss }
        if !whole.generated.isEmpty {
            // The template itself tells what the model writes. A range without anything of a message holds an empty answer.
            var trained: [Range<Int>] = []
            for range in whole.generated {
                let inside = turns.indices.filter { turns[$0].role.isAssistant && whole.text[range].extent(ofMessage: $0) != nil }
                let counting = inside.filter(answers.contains)
                guard counting.isEmpty || counting.count == inside.count else {
                    throw RecordError("turns \(inside.map { "\($0 + 1)" }.joined(separator: " and ")) stand in one `{% generation %}` block of the model's chat template, "
                        + "but not all of them are to be trained; give them the same flag")
                }
                if !counting.isEmpty { trained.append(range) }
            }
            return RenderedText(bytes: whole.text.bytes, trained: trained)
        }
        let spans = AnswerSpans(run: run, whole: whole.text, count: turns.count, eos: marks.eos)
        var trained: [Range<Int>] = []
        for answer in answers { trained.append(try spans.span(ofMessage: answer)) }
        return RenderedText(bytes: whole.text.bytes, trained: trained)
    }

    private func text(of run: TemplateRun, _ count: Int, _ forGeneration: Bool) throws(RecordError) -> (text: TracedText, generated: [Range<Int>]) {
        do throws(JinjaError) {
            return try run.text(ofFirst: count, forGeneration: forGeneration)
        } catch {
            if error.kind == .raised { throw RecordError("the model's chat template refuses the conversation: \(error.message)") }
            throw RecordError("the model's chat template cannot write the conversation: its \(error.description); leave the row out, or set `chat_template`")
        }
    }

    // MARK: What is left out

    private func leavesOutCalls(_ text: TracedText, _ turns: [Turn]) -> Bool {
        turns.indices.contains { turns[$0].hasCalls && !text.holds(.message($0, .toolCalls)) }
    }

    /// Throws where the template leaves out what the row says.
    private func requireEverything(in text: TracedText, _ turns: [Turn], _ tools: [JSON]) throws(RecordError) {
        func refusal(_ what: String) -> RecordError {
            RecordError("\(what), which the model's chat template leaves out; remove it from the row, or write it into the turns' text")
        }
        if !tools.isEmpty, !text.holds(.tools) { throw refusal("the row has `tools`") }
        for (number, turn) in turns.enumerated() {
            let holdsCalls = text.holds(.message(number, .toolCalls)), callIsText = turn.role == .toolCall && !turn.text.isBlank
            if turn.hasCalls, !holdsCalls, !callIsText { throw refusal("turn \(number + 1) has `tool_calls`") }
            // Templates that read reasoning leave it out of early turns on purpose: the model does not see it there either.
            let isLeftOut = !TemplateRun.readsReasoning(jinja) || number == turns.count - 1 && !text.holds(.message(number, .reasoning))
            if turn.fields["reasoning_content"]?.string?.isBlank == false, isLeftOut { throw refusal("turn \(number + 1) has `reasoning_content`") }
            if !turn.fullText.isBlank, !text.holds(.message(number, .content)), !(callIsText && holdsCalls) {
                throw refusal("turn \(number + 1) (\(turn.role.rawValue)) has text\(turn.hasCalls ? " beside `tool_calls`" : "")")
            }
        }
    }

    // MARK: Marks

    /// The text of one round, for a look at the marks in it; empty if the template refuses even that.
    private func round(_ marks: TemplateMarks) -> TracedText {
        let run = TemplateRun(jinja, [Turn(.user, "a"), Turn(.assistant, "b")], marks: marks)
        return (try? run.text(ofFirst: 2).text) ?? TracedText()
    }

    /// What stands behind an answer, without white space.
    func endMark(_ marks: TemplateMarks) -> String {
        let round = round(marks)
        guard let end = round.extent(ofMessage: 1)?.upperBound else { return "" }
        return String(decoding: round.bytes[end...], as: UTF8.self).strippedLikePython()
    }

    /// Marks of the form `<|name|>` that are written beside bos and eos.
    func marks(_ marks: TemplateMarks) -> [String] {
        var found: [String] = []
        for match in round(marks).string.matches(of: #/<\|[^|<>\s]{1,40}\|>/#) {
            let mark = String(match.output)
            if mark != marks.bos, mark != marks.eos, !found.contains(mark) { found.append(mark) }
        }
        return found
    }

    /// Whether the template writes the bos and the eos token.
    var writesMarks: (bos: Bool, eos: Bool) {
        let round = round(TemplateMarks(bos: "\u{1}", eos: "\u{2}"))
        return (round.bytes.contains(1), round.bytes.contains(2))
    }

    /// Everything that tells this template from another, for fingerprints.
    var identity: String {
        if let known { return known.identity }
        var hash = ContentHash()
        hash.combine(source)
        return "own(\(String(hash.value, radix: 16)))"
    }
}
