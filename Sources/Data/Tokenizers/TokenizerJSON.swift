/// Reads `tokenizer.json`, the one-file format of the Rust `tokenizers` library, as far as it describes a byte-pair encoding.
///
/// What it says is what is done: a setting that is not implemented is an error that names its key.
struct TokenizerJSON {
    let root: JSONCursor
    let roles: SpecialRoles
    let addedBeside: [AddedToken]

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: its name, for errors.
    ///   - roles: which tokens are bos, eos, pad and unk; the file itself does not say. What is put around a text is the
    ///     post-processor's to say: `addBos` and `addEos` have no say, as in the reference.
    ///   - addedBeside: added tokens from the files beside it; those that the file lists too are as the file says.
    static func load(
        _ bytes: [UInt8], file: String, roles: SpecialRoles, addedBeside: [AddedToken] = []
    ) throws(TokenizerError) -> BPETokenizer {
        let root = try JSONCursor.parse(bytes, file: file)
        var roles = roles
        roles.addBos = nil
        roles.addEos = nil
        return try TokenizerJSON(root: root, roles: roles, addedBeside: addedBeside).build()
    }

    private func build() throws(TokenizerError) -> BPETokenizer {
        let model = try root.required("model")
        if let type = try model.optional("type"), try type.requiredString() != "BPE" {
            throw type.unsupported("the model is '\(try type.requiredString())'; only BPE is supported")
        }
        let vocabulary = try readVocabulary(model)
        let added = try readAddedTokens(vocabulary)
        let normalizer = try readNormalizer()
        let cut = try readPreTokenizer()
        let merges = try readMerges(model, vocabulary)

        let ignoreMerges = try model.bool("ignore_merges", otherwise: false)
        var unknowns = try readUnknowns(model, vocabulary)
        let alphabet: BPEModel.Alphabet
        var preTokenizer = cut.preTokenizer
        if cut.byteLevel {
            let bytes = vocabulary.byteAlphabet
            if unknowns.bytes != nil, bytes.contains(where: { $0 < 0 }) {
                throw try model.required("byte_fallback").unsupported("byte fallback with an incomplete byte-level vocabulary")
            }
            unknowns.bytes = nil
            alphabet = .bytes(bytes)
        } else {
            let characters = vocabulary.characterAlphabet
            alphabet = .characters(characters)
            if case .whole = preTokenizer, !ignoreMerges, vocabulary.mayCutBeforeMarks(merges, characters) {
                preTokenizer = .beforeMarks
            }
        }

        let everything = try vocabulary.adding(added, file: root.file)
        let spelled = everything.spelled
        let (prefix, suffix) = try readPostProcessor(everything)
        let special = try roles.resolve(everything, file: root.file, prefix: prefix, suffix: suffix)
        var parts = BPETokenizer.Parts(
            special: special.tokens, preTokenizer: preTokenizer,
            model: BPEModel(
                alphabet: alphabet, merges: MergeTable(merges), unknowns: unknowns, tokenLimit: Int32.max,
                wholeWords: ignoreMerges ? vocabulary.wholeWords(byteLevel: cut.byteLevel) : nil),
            decoder: try readDecoder(spelled), spelled: spelled)
        parts.addsBos = special.addsBos
        parts.addsEos = special.addsEos
        parts.normalizer = normalizer
        parts.rewriter = cut.rewriter
        parts.rawAdded = added.filter { !$0.normalized }
        parts.normalizedAdded = added.filter(\.normalized).map { token in
            var token = token
            token.content = Self.normalize(token.content, normalizer)
            return token
        }
        parts.decoder.special = Set(added.lazy.filter(\.special).map(\.id))
        return BPETokenizer(parts)
    }

    private static func normalize(_ content: [UInt8], _ normalizer: Normalizer) -> [UInt8] {
        content.withUnsafeBufferPointer { text in
            guard let base = text.baseAddress else { return [] }
            let (one, other) = (MappedText(), MappedText())
            return withExtendedLifetime((one, other)) {
                Array(normalizer.apply(Segment(text: base, count: text.count, origins: nil, base: 0), one, other).buffer)
            }
        }
    }

    // MARK: Model

    private func readVocabulary(_ model: JSONCursor) throws(TokenizerError) -> BPEVocabulary {
        let vocab = try model.required("vocab")
        return try Self.readVocabulary(vocab)
    }

    /// A vocabulary written as an object from spelling to id.
    static func readVocabulary(_ vocab: JSONCursor) throws(TokenizerError) -> BPEVocabulary {
        guard case .object(let members) = vocab.node else {
            throw vocab.malformed("an object from token to id is expected")
        }
        var entries: [(id: Int32, text: ArraySlice<UInt8>)] = []
        entries.reserveCapacity(members.count)
        for member in members {
            guard case .number(let value) = member.value, value >= 0, value < Double(TokenizerLimits.ids), value == value.rounded()
            else {
                throw vocab.malformed("the id of '\(vocab.document.string(member.key))' is not a whole number below \(TokenizerLimits.ids)")
            }
            entries.append((Int32(value), vocab.document.bytes(member.key)))
        }
        guard let largest = entries.lazy.map(\.id).max() else { throw vocab.malformed("the vocabulary is empty") }
        // Real vocabularies have few holes; this is a broken file, and its table would be huge.
        guard Int(largest) < 65536 + 16 * entries.count else {
            throw vocab.malformed("the id \(largest) in a vocabulary of \(entries.count) entries")
        }
        return BPEVocabulary(entries: entries)
    }

    private func readMerges(_ model: JSONCursor, _ vocabulary: BPEVocabulary) throws(TokenizerError) -> [MergeTable.Merge] {
        let list = try model.required("merges")
        guard case .array(let nodes) = list.node else { throw list.malformed("an array is expected") }
        var merges: [MergeTable.Merge] = []
        merges.reserveCapacity(nodes.count)
        for (rank, node) in nodes.enumerated() {
            let pair: (ArraySlice<UInt8>, ArraySlice<UInt8>)
            switch node {
            case .string(let text):
                let bytes = list.document.bytes(text)
                guard let space = bytes.firstIndex(of: 0x20), !bytes[(space + 1)...].contains(0x20) else {
                    throw list.malformed("entry \(rank) is not two tokens with a space between")
                }
                pair = (bytes[..<space], bytes[(space + 1)...])
            case .array(let both):
                guard both.count == 2, case .string(let left) = both[0], case .string(let right) = both[1] else {
                    throw list.malformed("entry \(rank) is not a pair of tokens")
                }
                pair = (list.document.bytes(left), list.document.bytes(right))
            default:
                throw list.malformed("entry \(rank) is not a pair of tokens")
            }
            guard let merge = vocabulary.merge(pair.0, pair.1, rank: rank) else {
                let names = "'\(String(decoding: pair.0, as: UTF8.self))' and '\(String(decoding: pair.1, as: UTF8.self))'"
                throw list.malformed("entry \(rank) merges \(names), but one of them or both together are not in model.vocab")
            }
            merges.append(merge)
        }
        return merges
    }

    private func readUnknowns(_ model: JSONCursor, _ vocabulary: BPEVocabulary) throws(TokenizerError) -> BPEModel.Unknowns {
        if let dropout = try model.optional("dropout") {
            guard case .number(0) = dropout.node else { throw dropout.unsupported("dropout would make encoding random") }
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = try model.optional(key), affix.bytes != [] {
                throw affix.unsupported("only an absent or empty value is supported")
            }
        }
        var unknowns = BPEModel.Unknowns()
        if let token = try model.optional("unk_token") {
            guard let id = vocabulary.id(try token.requiredBytes()) else {
                throw token.malformed("'\(try token.requiredString())' is not in model.vocab")
            }
            unknowns.id = id
        }
        unknowns.fused = try model.bool("fuse_unk", otherwise: false)
        if try model.bool("byte_fallback", otherwise: false) { unknowns.bytes = vocabulary.byteFallback }
        return unknowns
    }

    private func readAddedTokens(_ vocabulary: BPEVocabulary) throws(TokenizerError) -> [AddedToken] {
        var tokens: [AddedToken] = []
        for entry in try root.optional("added_tokens")?.elements() ?? [] {
            let token = try Self.addedToken(entry, id: try entry.required("id").requiredId())
            if let id = vocabulary.id(token.content), id != token.id {
                throw entry.malformed("the token has id \(token.id) here but \(id) in model.vocab")
            }
            tokens.append(token)
        }
        var known = Set(tokens.map(\.content))
        for token in addedBeside where known.insert(token.content).inserted { tokens.append(token) }
        // A token with a role is found in the text even when it is listed nowhere.
        for name in [roles.bos, roles.eos, roles.pad, roles.unk] {
            guard let content = name.map({ Array($0.utf8) }), !known.contains(content), let id = vocabulary.id(content) else { continue }
            known.insert(content)
            tokens.append(AddedToken(id: id, content: content))
        }
        return tokens
    }

    /// An added token as `tokenizer.json` and `tokenizer_config.json` describe it.
    static func addedToken(_ entry: JSONCursor, id: Int32) throws(TokenizerError) -> AddedToken {
        var token = AddedToken(id: id, content: try entry.required("content").requiredBytes())
        token.special = try entry.bool("special", otherwise: false)
        token.singleWord = try entry.bool("single_word", otherwise: false)
        token.leftStrip = try entry.bool("lstrip", otherwise: false)
        token.rightStrip = try entry.bool("rstrip", otherwise: false)
        token.normalized = try entry.bool("normalized", otherwise: !token.special)
        return token
    }
}
