import Basics
import HealData
import Storage

extension TokenizerDocument.Parts {
    /// A sentencepiece byte-pair model in the form that Llama 2's `tokenizer.json` has: marks for spaces, one mark before each stretch of text,
    /// bytes for characters outside the vocabulary. nil where the model replaces characters or drops spaces, which that form cannot say.
    static func sentencePiece(_ vocabulary: GGUFVocabulary) -> Self? {
        guard vocabulary.charsmap.isEmpty, !vocabulary.removeExtraWhitespaces, vocabulary.scores.count == vocabulary.tokens.count else { return nil }
        var parts = Self()
        let mark: JSONValue = "\u{2581}"
        var normalizers: [JSONValue] = [["type": "Replace", "pattern": ["String": " "], "content": mark]]
        var decoders: [JSONValue] = [
            ["type": "Replace", "pattern": ["String": mark], "content": " "], ["type": "ByteFallback"], ["type": "Fuse"],
        ]
        if vocabulary.addSpacePrefix {
            normalizers.insert(["type": "Prepend", "prepend": mark], at: 0)
            decoders.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
        }
        parts.normalizer = ["type": "Sequence", "normalizers": .array(normalizers)]
        parts.decoder = ["type": "Sequence", "decoders": .array(decoders)]
        parts.byteFallback = vocabulary.tokens.indices.contains { vocabulary.kind($0) == .byte }
        parts.merges = SentencePieceMerges.merges(vocabulary)
        parts.addsBos = (vocabulary.addBos ?? true) && vocabulary.special.bos != nil
        parts.addsEos = vocabulary.addEos ?? false
        return parts
    }
}

/// The list of merges that a sentencepiece model leaves unsaid: it joins whatever makes a piece, the best score first.
enum SentencePieceMerges {
    private struct Merge {
        var score: Float
        var left: ArraySlice<UInt8>
        var right: ArraySlice<UInt8>
        /// In characters.
        var lengths: (left: Int, right: Int)
        /// Place in the order of pieces, then of the ids of what is joined.
        var order: Int
    }

    /// Lines `left right`, best first: by the score of what they make; of equal ones the longer left half, then the longer right half,
    /// as transformers' converter orders them.
    static func merges(_ vocabulary: GGUFVocabulary) -> [[UInt8]] {
        // Only these come out of a merge or go into one.
        let isText = vocabulary.tokens.indices.map { [.normal, .userDefined, .unused].contains(vocabulary.kind($0)) }
        var ids: [ArraySlice<UInt8>: Int] = [:]
        ids.reserveCapacity(vocabulary.tokens.count)
        for (id, token) in vocabulary.tokens.enumerated() where isText[id] && !token.contains(0x20) { ids[token[...]] = id }
        var merges: [Merge] = []
        for (id, token) in vocabulary.tokens.enumerated() where isText[id] && ids[token[...]] == id {
            var found: [(left: Int, right: Int, cut: Int)] = []
            for cut in token.indices.dropFirst() where token[cut] & 0xC0 != 0x80 {
                if let left = ids[token[..<cut]], let right = ids[token[cut...]] { found.append((left, right, cut)) }
            }
            for (left, right, cut) in found.sorted(by: { ($0.left, $0.right) < ($1.left, $1.right) }) {
                let halves = (left: token[..<cut], right: token[cut...])
                merges.append(
                    Merge(
                        score: vocabulary.scores[id], left: halves.left, right: halves.right,
                        lengths: (characters(vocabulary.tokens[left]), characters(vocabulary.tokens[right])), order: merges.count))
            }
        }
        merges.sort { a, b in
            if a.score != b.score { return a.score > b.score }
            if a.lengths != b.lengths { return a.lengths > b.lengths }
            return a.order < b.order
        }
        return merges.map { Array($0.left) + [0x20] + Array($0.right) }
    }

    private static func characters(_ text: [UInt8]) -> Int { text.reduce(0) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) } }
}
