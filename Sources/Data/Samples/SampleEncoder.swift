/// Turns conversations into tokens and labels.
///
/// The rendered conversation is encoded in one go, special tokens parsed, so tokens are what the reference library gives for the same
/// text. A token is trained if any of its bytes lies in a trained range: the reference's rule, which matters where a token straddles
/// the border (a line feed that opens an answer joins the one that ends the header).
package struct SampleEncoder: Sendable {
    package let tokenizer: any Tokenizer
    package let template: ChatTemplate
    /// Longer conversations lose their end, longer texts give one part at a time.
    package let maxLength: Int
    /// Train every token, not just the assistant's.
    package let trainOnPrompt: Bool
    /// Ids from here on are outside of the model's embedding.
    package let vocabularySize: Int
    private let marks: TemplateMarks

    package init(
        tokenizer: any Tokenizer, template: ChatTemplate, maxLength: Int, trainOnPrompt: Bool = false, vocabularySize: Int = .max
    ) {
        self.vocabularySize = vocabularySize
        self.tokenizer = tokenizer
        self.template = template
        self.maxLength = maxLength
        self.trainOnPrompt = trainOnPrompt
        marks = TemplateMarks(tokenizer)
    }

    /// Throws where the template writes a token that the tokenizer does not have: samples would run into each other unnoticed.
    func checkMarks() throws(DataError) {
        let writes = template.writesMarks
        for (name, mark, isWritten) in [("bos", marks.bos, writes.bos), ("eos", marks.eos, writes.eos)] where isWritten && mark.isEmpty {
            throw DataError(.badOption, "\(template.title) writes the \(name) token, but the tokenizer has none; choose another `chat_template`")
        }
    }

    /// The token that ends an answer; nil where the vocabulary has none for it.
    package var endToken: Int32? {
        let mark = template.endMark(marks)
        if mark.isEmpty || mark == marks.eos { return tokenizer.special.eos }
        let ids = tokenizer.encode(mark)
        guard let first = ids.first else { return nil }
        // Some templates write more behind the mark.
        return ids.count == 1 || tokenizer.decode([first], skipSpecial: true).isEmpty ? first : nil
    }

    /// What is worth a word about the template's marks: those for which the vocabulary has no token.
    package var markWarning: String? {
        let missing = template.marks(marks).filter { tokenizer.encode($0).count != 1 }
        if missing.isEmpty {
            return template.endMark(marks).isEmpty ? "chat_template: \(template.title) writes nothing after an answer: the model will not learn where to stop" : nil
        }
        return "chat_template: the vocabulary has no token for \(missing.joined(separator: ", ")) of \(template.title): "
            + "the model will see pieces of text in place of each, and no program stops at them; choose another template, or a model with these tokens"
    }

    /// The conversation as text with its trained ranges.
    package func render(_ conversation: Conversation) throws(RecordError) -> RenderedText {
        try template.render(conversation, marks: marks)
    }

    /// The tokens of a conversation, untruncated.
    package func encode(_ conversation: Conversation) throws(RecordError) -> EncodedText {
        var encoded = encode(try render(conversation))
        if trainOnPrompt { encoded.trained = [Bool](repeating: true, count: encoded.tokens.count) }
        return encoded
    }

    /// The tokens of turns that an answer is to follow: what generation starts from.
    package func encodePrompt(_ turns: [Turn]) throws(RecordError) -> [Int32] {
        encode(try template.render(.turns(turns), marks: marks, forGeneration: true)).tokens
    }

    private func encode(_ rendered: RenderedText) -> EncodedText {
        var encoded = EncodedText(rendered: rendered)
        rendered.bytes.withUnsafeBufferPointer {
            tokenizer.encode($0, parseSpecial: true, into: &encoded.tokens, offsets: &encoded.offsets)
        }
        // Text that spells the bos itself gets no second one.
        if rendered.wantsBos, tokenizer.addsBos, let bos = tokenizer.special.bos {
            encoded.hasBos = true
            if encoded.tokens.first != bos {
                encoded.tokens.insert(bos, at: 0)
                encoded.offsets.insert(0, at: 0)
            }
        }
        let first = encoded.hasBos ? 1 : 0
        encoded.markTrained(from: first)
        return encoded
    }

    /// A sample of at most `maxLength` tokens, or the reason why there is none.
    ///
    /// - Parameter pass: a longer text gives part `pass` of as few parts as hold all of it, and begins again after the last.
    package func outcome(of conversation: Conversation, pass: Int = 0) throws(RecordError) -> RowOutcome {
        if let turns = conversation.turns, !turns.contains(where: { $0.role.isAssistant && $0.saysSomething }) {
            return .skipped(.emptyAnswer)
        }
        if case .text(let text, _) = conversation, text.isBlank { return .skipped(.emptyText) }
        var encoded = try encode(conversation)
        try requireInside(encoded.tokens)
        let truncated = encoded.tokens.count > maxLength
        if truncated { encoded.keep(maxLength, fromPart: conversation.turns == nil ? pass : 0) }
        let sample = Sample(tokens: encoded.tokens, trained: encoded.trained)
        return sample.usefulCount == 0 ? .skipped(.nothingTrained) : .sample(sample, truncated: truncated)
    }
}

extension SampleEncoder {
    /// Throws where a token has no row in the model's embedding.
    private func requireInside(_ tokens: [Int32]) throws(RecordError) {
        guard let largest = tokens.max(), Int(largest) >= vocabularySize else { return }
        let text = tokenizer.token(largest).map { " (\"\($0.shortened)\")" } ?? ""
        throw RecordError("token \(largest)\(text) is outside of the model's vocabulary of \(vocabularySize): the tokenizer belongs to another model, or has tokens more")
    }
}

/// A rendered conversation and its tokens.
package struct EncodedText: Sendable {
    package let rendered: RenderedText
    package var tokens: [Int32] = []
    /// Byte offset in the rendered text where each token starts.
    package var offsets: [Int32] = []
    /// Whether each token is trained.
    package var trained: [Bool] = []
    /// Whether the first token is a bos that the text does not spell.
    package var hasBos = false

    init(rendered: RenderedText) { self.rendered = rendered }

    /// Keeps `count` of the tokens, which are more: those of part `part`, counted round and round. Parts are equally long, so that a pass over the
    /// data takes as many tokens as the one before; what they have too much together they share with their neighbours. Each begins with the bos.
    package mutating func keep(_ count: Int, fromPart part: Int) {
        let opening = hasBos ? 1 : 0
        let length = count - opening, last = tokens.count - count
        let parts = (tokens.count - opening + length - 1) / length
        // One token behind a bos is nothing that could be trained but at the beginning of the text, where the bos belongs before it.
        let start = length < 2 ? opening : opening + last * (part % parts) / (parts - 1)
        if start > opening { trained[start] = false }  // what it follows is not there
        for range in [start + length..<tokens.count, opening..<start] {
            tokens.removeSubrange(range)
            offsets.removeSubrange(range)
            trained.removeSubrange(range)
        }
    }

    /// Marks the tokens that overlap a trained range. Several tokens that start at one offset spell one character: they share its bytes.
    fileprivate mutating func markTrained(from first: Int) {
        trained = [Bool](repeating: false, count: tokens.count)
        let ranges = rendered.trained
        var range = 0
        var end = Int32(rendered.bytes.count)
        var ends = [Int32](repeating: end, count: tokens.count)
        for i in stride(from: tokens.count - 1, through: first, by: -1) {
            ends[i] = i + 1 < tokens.count && offsets[i + 1] > offsets[i] ? offsets[i + 1] : end
            end = ends[i]
        }
        for i in first..<tokens.count {
            while range < ranges.count, ranges[range].upperBound <= Int(offsets[i]) { range += 1 }
            guard range < ranges.count else { break }
            trained[i] = Int(ends[i]) > ranges[range].lowerBound
        }
    }
}
