/// Rewrites text before it is cut into words: the normalizers of `tokenizer.json`, those of its pre-tokenizers that change
/// text, and sentencepiece's.
struct Normalizer: Sendable {
    enum Step: Sendable {
        /// Unicode normalisation form C.
        case composed
        /// Puts a string before a text that is not empty.
        case prepend([UInt8])
        /// Replaces each occurrence of a string.
        case replace([UInt8], with: [UInt8])
        /// Puts a space before a text that does not start with one.
        case prefixSpace
        /// Replaces spaces by a mark and puts one before the text according to the scheme, unless it starts with one.
        case metaspace(mark: [UInt8], PrependScheme)
        /// What the normalizer of a sentencepiece model does.
        case sentencePiece(SentencePieceNormalizer)
    }

    enum PrependScheme: Sendable {
        case always, first, never
    }

    var steps: [Step] = []

    /// The normalised segment; its bytes live in one of the two buffers, or in the segment itself when nothing is to be done.
    @inline(__always)
    func apply(_ segment: Segment, _ one: MappedText, _ other: MappedText) -> Segment {
        steps.isEmpty ? segment : applySteps(segment, one, other)
    }

    private func applySteps(_ segment: Segment, _ one: MappedText, _ other: MappedText) -> Segment {
        var segment = segment
        var (out, spare) = (one, other)
        for step in steps {
            out.removeAll()
            Self.apply(step, segment, into: out)
            segment = out.segment
            swap(&out, &spare)
        }
        return segment
    }

    private static func apply(_ step: Step, _ segment: Segment, into out: MappedText) {
        guard segment.count > 0 else { return }
        switch step {
        case .composed:
            CanonicalComposition.compose(segment, into: out)
        case .prepend(let prefix):
            out.append(prefix, from: segment.origin(0))
            out.append(segment, 0..<segment.count)
        case .replace(let pattern, let content):
            replace(segment, pattern, content, into: out)
        case .prefixSpace:
            if segment.text[0] != UInt8(ascii: " ") { out.append([UInt8(ascii: " ")], from: segment.origin(0)) }
            out.append(segment, 0..<segment.count)
        case .metaspace(let mark, let scheme):
            let starts = segment.text[0] == UInt8(ascii: " ")
                || (segment.count >= mark.count && mark.indices.allSatisfy { segment.text[$0] == mark[$0] })
            if !starts, scheme == .always || (scheme == .first && segment.origin(0) == 0) {
                out.append(mark, from: segment.origin(0))
            }
            replace(segment, [UInt8(ascii: " ")], mark, into: out)
        case .sentencePiece(let normalizer):
            normalizer.normalize(segment, into: out)
        }
    }

    private static func replace(_ segment: Segment, _ pattern: [UInt8], _ content: [UInt8], into out: MappedText) {
        guard let first = pattern.first else { return out.append(segment, 0..<segment.count) }
        // Every byte may start a match.
        out.reserve(segment.count &* max(1, content.count))
        var index = 0
        while index < segment.count {
            let byte = segment.text[index]
            if byte == first, index &+ pattern.count <= segment.count,
                pattern.count == 1 || pattern.indices.allSatisfy({ segment.text[index &+ $0] == pattern[$0] })
            {
                let origin = segment.origin(index)
                for byte in content { out.appendReserved(byte, from: origin) }
                index &+= pattern.count
            } else {
                out.appendReserved(byte, from: segment.origin(index))
                index &+= 1
            }
        }
    }
}
