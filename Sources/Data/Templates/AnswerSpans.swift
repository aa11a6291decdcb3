/// Finds the answers in a conversation that a template has written: each with the mark that ends it, and without its header.
///
/// Templates do not say where an answer begins. The text that they write to ask for it does: what they write of the turns before, with the
/// generation prompt. Where it begins the whole text, the answer begins behind it. Some templates write early turns otherwise once later ones
/// are there (reasoning left out, a system text that moves): then the part of it behind the last turn before the answer is looked for.
struct AnswerSpans {
    let run: TemplateRun
    /// The text of all turns.
    let whole: TracedText
    let count: Int

    /// The mark that ends every text of the model; may be empty.
    let eos: String

    /// - Throws: where the template does not let it be told what the model is to write.
    func span(ofMessage number: Int) throws(RecordError) -> Range<Int> {
        let asking = try text(ofFirst: number, forGeneration: true), before = try text(ofFirst: number, forGeneration: false)
        let prompts = asking.bytes != before.bytes
        let start = try start(ofMessage: number, behind: asking, before, prompts: prompts), end = try end(ofMessage: number, prompts: prompts)
        guard start < end else { throw unclear(number, "its end lies before its beginning") }
        return start..<end
    }

    private func start(ofMessage number: Int, behind asking: TracedText, _ before: TracedText, prompts: Bool) throws(RecordError) -> Int {
        let first = whole.extent(ofMessage: number)?.lowerBound
        if whole.bytes.starts(with: asking.bytes) {
            return prompts ? asking.count : asking.count + lengthOfHeader(ofMessage: number, behind: asking)
        }
        guard let first, let last = asking.traces.last, let anchor = whole.traces.last(where: { $0.origin == last.origin && $0.end <= first })?.end
        else { throw unclear(number, "the turns before it are written in another order once it is there") }
        let tail = asking.bytes[last.end...]
        var shared = commonPrefix(tail, whole.bytes[anchor...])
        if shared < tail.count {
            // The generation prompt opens more than the answer's own text has, as its reasoning. A header must be left of it.
            shared = cutToMark(tail, shared)
            guard shared > before.count - (before.traces.last?.end ?? 0) else { throw unclear(number, "the generation prompt is not its beginning") }
        }
        return min(anchor + shared, first)
    }

    /// Without a generation prompt, an answer's header is what stands before the text of an answer of words alone, if it is more than white space.
    private func lengthOfHeader(ofMessage number: Int, behind asking: TracedText) -> Int {
        guard let answer = try? run.first(number).followed(by: Turn(.assistant, "a")).text(ofFirst: number + 1).text, answer.bytes.starts(with: asking.bytes),
            let first = answer.extent(ofMessage: number)?.lowerBound, first > asking.count
        else { return 0 }
        let header = answer.bytes[asking.count..<first]
        return header.trimmedEnd.isEmpty || !whole.bytes[asking.count...].starts(with: header) ? 0 : header.count
    }

    /// Behind the mark that ends the answer: what the template writes after it when it is the last turn. White space after the mark is not the model's.
    private func end(ofMessage number: Int, prompts: Bool) throws(RecordError) -> Int {
        let isLast = number == count - 1, closed = isLast ? whole : try text(ofFirst: number + 1, forGeneration: false)
        guard let last = closed.extent(ofMessage: number)?.upperBound else { throw unclear(number, "the template does not write it") }
        let mark = closed.bytes[last...].trimmedEnd
        if !isLast {
            if whole.bytes.starts(with: closed.bytes[..<mark.endIndex]) {
                // Some end an answer only where another turn follows.
                let rest = whole.bytes[mark.endIndex...].trimmedStart
                return mark.isEmpty && !eos.isEmpty && rest.starts(with: eos.utf8) ? rest.startIndex + eos.utf8.count : mark.endIndex
            }
            guard let end = whole.extent(ofMessage: number, before: number + 1)?.upperBound,
                let length = try lengthOfMark(mark, before: whole.bytes[end...], of: number, prompts: prompts)
            else { throw unclear(number, "it ends in another way than as the last turn") }
            return end + length
        }
        // What is written in several lines, or by a template that does not wait to be asked, may have more than the mark.
        guard mark.contains(0x0A) || !prompts, let more = try? run.followed(by: Turn(.user, "a")).text(ofFirst: count + 1).text,
            let place = more.extent(ofMessage: number, before: count)?.upperBound
        else { return mark.endIndex }
        return last + (try lengthOfMark(mark, before: more.bytes[place...], of: number, prompts: prompts) ?? mark.count)
    }

    /// What of an end mark is there when more turns follow; nil if nothing is. Something that only a last turn has, as an eos after everything,
    /// stands behind the mark: the mark is what is always there.
    private func lengthOfMark(_ mark: ArraySlice<UInt8>, before rest: ArraySlice<UInt8>, of number: Int, prompts: Bool) throws(RecordError) -> Int? {
        let shared = commonPrefix(mark, rest)
        if shared == mark.count { return shared }
        let length = cutToMark(mark, shared), missing = mark.dropFirst(length).trimmedStart, following = rest.dropFirst(length).trimmedStart
        // The same mark behind other white space.
        if following.starts(with: missing) { return following.startIndex - rest.startIndex + missing.count }
        // A template that opens the model's next turn unasked has a header there, of which any part may be in other headers too.
        guard prompts || missing.elementsEqual(eos.utf8) else { throw unclear(number, "the template opens another turn behind it") }
        let end = mark.prefix(length).trimmedEnd.count
        return end > 0 ? end : nil
    }

    /// The part of the first `count` bytes up to where a mark can end: equal bytes behind it are chance, as the first of two marks' names.
    private func cutToMark(_ text: ArraySlice<UInt8>, _ count: Int) -> Int {
        let end = text.prefix(count).lastIndex(where: Self.endsMark.contains)
        return end.map { $0 + 1 - text.startIndex } ?? 0
    }

    private static let endsMark = Array(">]}: \n".utf8)

    private func text(ofFirst count: Int, forGeneration: Bool) throws(RecordError) -> TracedText {
        do throws(JinjaError) {
            return try run.text(ofFirst: count, forGeneration: forGeneration).text
        } catch {
            throw RecordError("where the answer in turn \(forGeneration ? count + 1 : count) begins and ends cannot be told, since the model's chat template "
                + "does not write the turns up to it alone (\(error.description)); leave the row out, or set `chat_template`")
        }
    }

    private func unclear(_ number: Int, _ reason: String) -> RecordError {
        RecordError("the model's chat template does not show where the answer in turn \(number + 1) begins and ends: \(reason); leave the row out, or set `chat_template`")
    }

    private func commonPrefix(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
        zip(a, b).prefix { $0 == $1 }.count
    }
}

extension ArraySlice<UInt8> {
    /// Without ASCII white space at the end.
    fileprivate var trimmedEnd: ArraySlice<UInt8> {
        var rest = self
        while let last = rest.last, last == 0x20 || (0x09...0x0D).contains(last) { rest.removeLast() }
        return rest
    }

    /// Without ASCII white space at the beginning.
    fileprivate var trimmedStart: ArraySlice<UInt8> { drop { $0 == 0x20 || (0x09...0x0D).contains($0) } }
}
