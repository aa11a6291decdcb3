/// Makes byte-level tokenizers from parts that do not say how text is cut: GPT-2's pair of files, and GGUF's arrays.
enum ByteLevelTokenizer {
    /// How a known family of tokenizers treats text.
    struct Style {
        var preTokenizer: PreTokenizer
        var normalizer = Normalizer()
        /// Whether a word that is a token as it stands is taken whole.
        var wholeWords = false

        static let gpt2 = Style(preTokenizer: .scanner(.gpt2))
        static let qwen2 = Style(preTokenizer: .scanner(.cl100k(digits: 1)), normalizer: Normalizer(steps: [.composed]))
        static let llama3 = Style(preTokenizer: .scanner(.cl100k(digits: 3)), wholeWords: true)
        static let smollm = Style(preTokenizer: .scanner(.digitsThenGPT2))
    }

    static func make(
        _ vocabulary: BPEVocabulary, merges: [MergeTable.Merge], style: Style, added: [AddedToken], roles: SpecialRoles, file: String
    ) throws(TokenizerError) -> BPETokenizer {
        let special = try roles.resolve(vocabulary, file: file, prefix: [], suffix: [])
        var pieces = ByteStrings()
        let addedIds = Set(added.map(\.id))
        for id in 0..<vocabulary.spelled.count {
            let text = vocabulary.spelled[id]
            pieces.append(addedIds.contains(Int32(id)) ? Array(text) : ByteAlphabet.decode(text) ?? Array(text))
        }
        var parts = BPETokenizer.Parts(
            special: special.tokens, preTokenizer: style.preTokenizer,
            model: BPEModel(
                alphabet: .bytes(vocabulary.byteAlphabet), merges: MergeTable(merges), unknowns: BPEModel.Unknowns(),
                tokenLimit: Int32.max, wholeWords: style.wholeWords ? vocabulary.wholeWords(byteLevel: true) : nil),
            decoder: TokenDecoder(pieces: pieces, special: Set(added.lazy.filter(\.special).map(\.id))),
            spelled: vocabulary.spelled)
        parts.addsBos = special.addsBos
        parts.addsEos = special.addsEos
        parts.rawAdded = added.filter { !$0.normalized }
        parts.normalizer = style.normalizer
        parts.normalizedAdded = added.filter(\.normalized)
        return BPETokenizer(parts)
    }

    /// Merges from lines of two tokens with a space between; lines that start with `#version` and empty ones are skipped.
    static func merges(
        _ lines: [ArraySlice<UInt8>], _ vocabulary: BPEVocabulary, file: String, unit: String
    ) throws(TokenizerError) -> [MergeTable.Merge] {
        var merges: [MergeTable.Merge] = []
        merges.reserveCapacity(lines.count)
        for (number, line) in lines.enumerated() {
            if line.isEmpty || line.starts(with: Array("#version".utf8)) { continue }
            func malformed(_ reason: String) -> TokenizerError {
                TokenizerError(.malformed, file: file, place: "\(unit) \(number + 1)", reason)
            }
            guard let space = line.firstIndex(of: 0x20), !line[(space + 1)...].contains(0x20) else {
                throw malformed("two tokens with a space between are expected")
            }
            guard let merge = vocabulary.merge(line[..<space], line[(space + 1)...], rank: merges.count) else {
                throw malformed("one of the tokens of '\(String(decoding: line, as: UTF8.self))' or both together are not in the vocabulary")
            }
            merges.append(merge)
        }
        return merges
    }

    /// Reads `merges.txt` for the vocabulary of a `vocab.json`.
    static func load(
        _ vocabulary: BPEVocabulary, vocabFile: String, merges mergesText: [UInt8], mergesFile: String, style: Style, added: [AddedToken],
        roles: SpecialRoles
    ) throws(TokenizerError) -> BPETokenizer {
        let lines = mergesText.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            line.last == 0x0D ? line.dropLast() : line
        }
        let merges = try merges(lines, vocabulary, file: mergesFile, unit: "line")
        return try make(
            try vocabulary.adding(added, file: vocabFile), merges: merges, style: style, added: added, roles: roles, file: vocabFile)
    }
}
