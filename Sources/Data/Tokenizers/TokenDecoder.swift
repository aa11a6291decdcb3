/// Turns ids back into bytes.
struct TokenDecoder: Sendable {
    /// What happens to the space that encoding put before the text.
    enum Leading: Sendable, Equatable {
        /// Nothing was put there.
        case keep
        /// Up to so many spaces at the start of the whole text go.
        case stripSpaces(Int)
        /// All marks of the first token go.
        case dropMarksOfFirst
        /// Sentencepiece's rule: the mark that starts the first token goes; of the tokens after it too, as long as no text
        /// has come, when the model removes extra spaces (`repeatedly`).
        case sentencePiece(repeatedly: Bool)
    }

    /// The bytes of each id in the middle of a text.
    var pieces: ByteStrings
    /// Ids whose piece starts with a space that encoding may have put there; empty where no rule needs it.
    var leadingMark: [Bool] = []
    /// Bytes of the first token where `dropMarksOfFirst` makes them different.
    var firstPieces: [Int32: [UInt8]] = [:]
    var leading = Leading.keep
    /// Put between tokens; the reference joins by a space where a file has no decoder.
    var separator: [UInt8] = []
    /// Ids that are left out on request.
    var special: Set<Int32> = []
    /// What an id stands for when special tokens are left out, where that differs.
    var whenSkipping: [Int32: [UInt8]] = [:]

    func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool) -> [UInt8] {
        var out: [UInt8] = []
        var isFirst = true
        var sawMark = false
        for id in ids {
            guard id >= 0, Int(id) < pieces.count else { continue }
            if skipSpecial, special.contains(id) { continue }
            if !isFirst { out += separator }
            let piece = skipSpecial ? whenSkipping[id].map { $0[...] } ?? pieces[Int(id)] : pieces[Int(id)]
            switch leading {
            case .dropMarksOfFirst where isFirst && firstPieces[id] != nil:
                out += firstPieces[id] ?? []
            case .sentencePiece(let repeatedly) where out.isEmpty && !sawMark && leadingMark[Int(id)]:
                out += piece.dropFirst()
                if !repeatedly { sawMark = true }
            default:
                out += piece
            }
            isFirst = false
        }
        if case .stripSpaces(let count) = leading {
            let spaces = out.prefix(count).prefix { $0 == UInt8(ascii: " ") }.count
            out.removeFirst(spaces)
        }
        return out
    }
}
