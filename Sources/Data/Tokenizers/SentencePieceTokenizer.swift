/// Makes a tokenizer of a sentencepiece byte-pair model, encoding as the sentencepiece library does.
///
/// Merges are ordered by the score of what they make, leftmost of equals. Control pieces, unk, and tokens added beside the model
/// are found in the text only when special tokens are parsed, as the Hugging Face wrapper does; the bare library never does.
/// User-defined pieces are found always.
enum SentencePieceTokenizer {
    /// What the files around a model add to it.
    struct Options {
        /// The prefix of text after a special token. Meta's own code and Hugging Face's legacy mode put it before each stretch.
        var prefix = SentencePieceNormalizer.Prefix.everySegment
        var added: [AddedToken] = []
        var roles = SpecialRoles()
        /// What plain text gets around it when nothing else says so.
        var addsBosByDefault = true
    }

    static func make(_ model: SentencePieceModel, file: String, options: Options = Options()) throws(TokenizerError) -> BPETokenizer {
        guard model.modelType == .bpe else {
            throw TokenizerError(
                .unsupported, file: file, place: "trainer_spec.model_type",
                "the model is of type \(model.modelType); only bpe is supported")
        }
        guard !model.treatWhitespaceAsSuffix else {
            throw TokenizerError(
                .unsupported, file: file, place: "trainer_spec.treat_whitespace_as_suffix", "this setting is not supported")
        }
        let symbols = try Symbols(model, file: file)
        var unknowns = BPEModel.Unknowns(id: symbols.unk, fused: true, bytes: nil, afterMerging: true)
        if model.byteFallback { unknowns.bytes = try symbols.byteIds(model, file: file) }
        let userDefined = model.pieces.indices.filter { model.pieces[$0].kind == .userDefined }.map { id in
            AddedToken(id: Int32(id), content: model.pieces[id].text, special: false)
        }
        let pieces = model.pieces.enumerated().map { (id: Int32($0.offset), text: $0.element.text[...]) }
        let everything = try BPEVocabulary(entries: pieces).adding(options.added, file: file)
        let special = try resolve(options, everything, model, file: file)

        var parts = BPETokenizer.Parts(
            special: special.tokens,
            preTokenizer: BPEVocabulary(symbols.texts).mayCutBeforeMarks(symbols.merges, symbols.characters) ? .beforeMarks : .whole,
            model: BPEModel(
                alphabet: .characters(symbols.characters), merges: MergeTable(symbols.merges), unknowns: unknowns,
                tokenLimit: Int32(model.pieces.count), wholeWords: nil),
            decoder: decoder(model, everything, options.added), spelled: everything.spelled)
        parts.addsBos = special.addsBos
        parts.addsEos = special.addsEos
        parts.rawAdded = model.pieces.indices.filter { [.control, .unknown].contains(model.pieces[$0].kind) }.map {
            AddedToken(id: Int32($0), content: model.pieces[$0].text)
        }.filter { token in !options.added.contains { $0.content == token.content } } + options.added
        parts.normalizer.steps = [.sentencePiece(try normalizer(model, options, userDefined.map(\.content), file: file))]
        parts.normalizedAdded = userDefined
        return BPETokenizer(parts)
    }

    private static func normalizer(
        _ model: SentencePieceModel, _ options: Options, _ userDefined: [[UInt8]], file: String
    ) throws(TokenizerError) -> SentencePieceNormalizer {
        var charsmap: CharacterReplacements?
        if !model.charsmap.isEmpty {
            charsmap = CharacterReplacements(model.charsmap)
            guard charsmap != nil else {
                throw TokenizerError(
                    .malformed, file: file, place: "normalizer_spec.precompiled_charsmap", "the replacement table is broken")
            }
        }
        return SentencePieceNormalizer(
            prefix: model.addDummyPrefix ? options.prefix : .none, removeExtraWhitespaces: model.removeExtraWhitespaces,
            escapeWhitespaces: model.escapeWhitespaces, charsmap: charsmap, userDefined: PrefixMatcher(userDefined))
    }

    private static func resolve(
        _ options: Options, _ everything: BPEVocabulary, _ model: SentencePieceModel, file: String
    ) throws(TokenizerError) -> SpecialRoles.Resolved {
        func role(_ id: Int32) -> Int32? { id >= 0 && Int(id) < model.pieces.count ? id : nil }
        var roles = options.roles
        roles.addBos = roles.addBos ?? options.addsBosByDefault
        roles.addEos = roles.addEos ?? false
        if roles.bos == nil, role(model.bosId) == nil { roles.addBos = false }
        // The names are resolved first; where none is given the model's own ids count.
        func name(_ given: String?, _ id: Int32) -> String? {
            given ?? role(id).map { String(decoding: model.pieces[Int($0)].text, as: UTF8.self) }
        }
        roles.bos = name(roles.bos, model.bosId)
        roles.eos = name(roles.eos, model.eosId)
        roles.pad = name(roles.pad, model.padId)
        roles.unk = name(roles.unk, model.unkId)
        return try roles.resolve(everything, file: file, prefix: [], suffix: [])
    }

    private static func decoder(_ model: SentencePieceModel, _ everything: BPEVocabulary, _ added: [AddedToken]) -> TokenDecoder {
        var pieces = ByteStrings()
        var leadingMark: [Bool] = []
        var whenSkipping: [Int32: [UInt8]] = [:]
        for id in 0..<everything.spelled.count {
            let text = everything.spelled[id]
            var startsWithMark = false
            if id < model.pieces.count {
                switch model.pieces[id].kind {
                case .byte where TokenizerJSON.fallbackByte(Array(text)) != nil:
                    pieces.append([TokenizerJSON.fallbackByte(Array(text)) ?? 0])
                case .control:
                    pieces.append(text)
                    whenSkipping[Int32(id)] = []
                case .unknown:
                    pieces.append(text)
                    whenSkipping[Int32(id)] = model.unkSurface
                default:
                    startsWithMark = text.starts(with: PreTokenizer.mark)
                    pieces.append(spaced(text))
                }
            } else {
                pieces.append(text)
            }
            leadingMark.append(startsWithMark)
        }
        var decoder = TokenDecoder(pieces: pieces, leadingMark: leadingMark)
        if model.addDummyPrefix || model.removeExtraWhitespaces {
            decoder.leading = .sentencePiece(repeatedly: model.removeExtraWhitespaces)
        }
        decoder.whenSkipping = whenSkipping
        decoder.special = Set(added.lazy.filter(\.special).map(\.id))
        return decoder
    }

    /// A piece with its marks as spaces.
    private static func spaced(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var rest = text
        while !rest.isEmpty {
            if rest.starts(with: PreTokenizer.mark) {
                out.append(0x20)
                rest = rest.dropFirst(3)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out
    }
}

/// The symbols of a sentencepiece model: its pieces, and characters that are part of a piece without being one.
private struct Symbols {
    /// Ids from the number of pieces on are such characters.
    var characters = CharacterMap()
    var merges: [MergeTable.Merge] = []
    /// The text of each symbol.
    var texts = ByteStrings()
    var unk: Int32?

    init(_ model: SentencePieceModel, file: String) throws(TokenizerError) {
        func piece(_ id: Int, _ reason: String, _ code: TokenizerError.Code = .malformed) -> TokenizerError {
            TokenizerError(code, file: file, place: "piece \(id)", reason)
        }
        var reachable = ByteStrings()
        var seen = Set<[UInt8]>()
        for (id, entry) in model.pieces.enumerated() {
            guard !entry.text.isEmpty else { throw piece(id, "the piece is empty") }
            guard entry.text.withUnsafeBufferPointer({ UTF8Text.firstInvalid($0) }) == nil else { throw piece(id, "not UTF-8") }
            guard seen.insert(entry.text).inserted else { throw piece(id, "the piece occurs twice") }
            guard !entry.score.isNaN else { throw piece(id, "the score is not a number") }
            if entry.kind == .unknown {
                guard unk == nil else { throw piece(id, "a second unknown piece") }
                unk = Int32(id)
            }
            // Only these can come out of a merge.
            let isText = [.normal, .userDefined, .unused].contains(entry.kind)
            reachable.append(isText ? entry.text : [])
            texts.append(entry.text)
        }
        guard unk != nil else { throw TokenizerError(.malformed, file: file, "the model has no unknown piece") }
        let index = ByteStringIndex(reachable)
        // Symbols of single characters, made as they are met.
        var singles: [[UInt8]: Int32] = [:]
        func symbol(_ text: ArraySlice<UInt8>) -> Int32? {
            if let id = text.withUnsafeBufferPointer({ index($0) }) { return id }
            guard let first = text.first, text.count == UTF8Text.length(lead: first) else { return nil }
            if let id = singles[Array(text)] { return id }
            let id = Int32(texts.count)
            texts.append(text)
            singles[Array(text)] = id
            return id
        }
        let ranks = Self.ranks(model)
        for (id, entry) in model.pieces.enumerated() where !reachable[id].isEmpty {
            var cut = UTF8Text.length(lead: entry.text[0])
            while cut < entry.text.count {
                if let left = symbol(entry.text[..<cut]), let right = symbol(entry.text[cut...]) {
                    guard entry.kind != .unused else {
                        throw piece(id, "unused pieces that merges can make are not supported", .unsupported)
                    }
                    merges.append(MergeTable.Merge(left: left, right: right, rank: ranks[id], result: Int32(id)))
                }
                cut += UTF8Text.length(lead: entry.text[cut])
            }
        }
        for (id, entry) in model.pieces.enumerated()
        where entry.text.count == UTF8Text.length(lead: entry.text[0]) && entry.kind != .byte {
            characters[Self.scalar(entry.text)] = Int32(id)
        }
        for (text, id) in singles { characters[Self.scalar(text)] = id }
    }

    private static func scalar(_ text: [UInt8]) -> UInt32 {
        text.withUnsafeBufferPointer { UTF8Text.scalar($0.baseAddress!, at: 0).value }
    }

    /// The place of each piece's score among the different scores, highest first.
    private static func ranks(_ model: SentencePieceModel) -> [UInt32] {
        let order = Set(model.pieces.map(\.score)).sorted(by: >)
        let rank = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($0.element, UInt32($0.offset)) })
        return model.pieces.map { rank[$0.score] ?? 0 }
    }

    /// The id of each byte's piece.
    func byteIds(_ model: SentencePieceModel, file: String) throws(TokenizerError) -> [Int32] {
        var ids = [Int32](repeating: -1, count: 256)
        for (id, entry) in model.pieces.enumerated() where entry.kind == .byte {
            guard let byte = TokenizerJSON.fallbackByte(entry.text) else {
                throw TokenizerError(.malformed, file: file, place: "piece \(id)", "a byte piece that names no byte")
            }
            ids[Int(byte)] = Int32(id)
        }
        guard let missing = ids.firstIndex(of: -1) else { return ids }
        throw TokenizerError(.malformed, file: file, "byte fallback without a piece for the byte \(missing)")
    }
}
