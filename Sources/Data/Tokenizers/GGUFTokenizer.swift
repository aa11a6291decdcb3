/// The tokenizer that a GGUF file carries, from the plain values of its `tokenizer.ggml.*` keys.
package struct GGUFVocabulary: Sendable {
    /// `model`: "llama" (sentencepiece) or "gpt2" (byte-level).
    package var model: String
    /// `pre`: how a byte-level tokenizer cuts text; nil when the key is absent.
    package var pre: String?
    /// `tokens`, as bytes: some are not UTF-8.
    package var tokens: [[UInt8]]
    /// `scores`; for "llama" one for each token.
    package var scores: [Float] = []
    /// `token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; empty when the key is absent.
    package var tokenTypes: [Int32] = []
    /// `merges`; for "gpt2".
    package var merges: [[UInt8]] = []
    package var special = SpecialTokens()
    /// `add_bos_token`, `add_eos_token`; nil when absent.
    package var addBos: Bool?
    package var addEos: Bool?
    /// `add_space_prefix`; true when absent.
    package var addSpacePrefix = true
    /// `remove_extra_whitespaces`; false when absent.
    package var removeExtraWhitespaces = false
    /// `precompiled_charsmap`; empty when absent.
    package var charsmap: [UInt8] = []

    package init(model: String, pre: String?, tokens: [[UInt8]]) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
    }

    /// Makes the tokenizer; `file` is the GGUF's name, for errors.
    package func tokenizer(file: String) throws(TokenizerError) -> BPETokenizer {
        guard !tokens.isEmpty else { throw malformed("tokens", file, "the vocabulary is empty") }
        guard tokens.count < Int(TokenizerLimits.ids) else { throw malformed("tokens", file, "too many tokens") }
        guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
            throw malformed("token_type", file, "\(tokenTypes.count) types for \(tokens.count) tokens")
        }
        for (id, type) in tokenTypes.enumerated() where !(1...6).contains(type) {
            throw malformed("token_type", file, "the type \(type) of token \(id) is not known")
        }
        for (role, id) in [("bos", special.bos), ("eos", special.eos), ("padding", special.pad), ("unknown", special.unk)] {
            if let id, id < 0 || Int(id) >= tokens.count {
                throw malformed("\(role)_token_id", file, "the id \(id) is outside the vocabulary of \(tokens.count)")
            }
        }
        switch model {
        case "llama": return try sentencePiece(file)
        case "gpt2": return try byteLevel(file)
        default:
            throw TokenizerError(
                .unsupported, file: file, place: "tokenizer.ggml.model", "'\(model)' is not supported; 'llama' and 'gpt2' are")
        }
    }

    private func malformed(_ key: String, _ file: String, _ reason: String) -> TokenizerError {
        TokenizerError(.malformed, file: file, place: "tokenizer.ggml.\(key)", reason)
    }

    private func kind(_ id: Int) -> SentencePieceModel.Kind {
        tokenTypes.isEmpty ? .normal : SentencePieceModel.Kind(rawValue: UInt64(tokenTypes[id])) ?? .normal
    }

    private func sentencePiece(_ file: String) throws(TokenizerError) -> BPETokenizer {
        guard scores.count == tokens.count else { throw malformed("scores", file, "\(scores.count) scores for \(tokens.count) tokens") }
        guard !tokenTypes.isEmpty else { throw malformed("token_type", file, "the key is missing") }
        var model = SentencePieceModel()
        model.modelType = .bpe
        model.pieces = tokens.indices.map { SentencePieceModel.Piece(text: tokens[$0], score: scores[$0], kind: kind($0)) }
        model.byteFallback = model.pieces.contains { $0.kind == .byte }
        model.addDummyPrefix = addSpacePrefix
        model.removeExtraWhitespaces = removeExtraWhitespaces
        model.charsmap = charsmap
        model.bosId = special.bos ?? -1
        model.eosId = special.eos ?? -1
        model.padId = special.pad ?? -1
        model.unkId = special.unk ?? -1
        var options = SentencePieceTokenizer.Options()
        options.roles.addBos = addBos
        options.roles.addEos = addEos
        return try SentencePieceTokenizer.make(model, file: file, options: options)
    }

    private func byteLevel(_ file: String) throws(TokenizerError) -> BPETokenizer {
        var spelled = ByteStrings()
        for token in tokens { spelled.append(token) }
        let vocabulary = BPEVocabulary(spelled)
        let merges = try ByteLevelTokenizer.merges(merges.map { $0[...] }, vocabulary, file: file, unit: "tokenizer.ggml.merges entry")
        guard !merges.isEmpty else { throw malformed("merges", file, "the key is missing or empty") }
        let added = tokens.indices.filter { [.control, .userDefined, .unknown].contains(kind($0)) && !tokens[$0].isEmpty }.map {
            AddedToken(id: Int32($0), content: tokens[$0], special: kind($0) != .userDefined)
        }
        // Cutting such a token out of a text could leave half a character behind.
        for token in added where token.content.withUnsafeBufferPointer({ UTF8Text.firstInvalid($0) }) != nil {
            throw malformed("tokens", file, "the special token \(token.id) is not UTF-8")
        }
        var roles = SpecialRoles()
        func name(_ id: Int32?) -> String? { id.map { String(decoding: tokens[Int($0)], as: UTF8.self) } }
        roles.bos = name(special.bos)
        roles.eos = name(special.eos)
        roles.pad = name(special.pad)
        roles.unk = name(special.unk)
        let style = try style(file)
        // Llama 3 puts bos before a text; files that do not say so mean it.
        roles.addBos = addBos ?? (style.wholeWords && special.bos != nil)
        roles.addEos = addEos
        return try ByteLevelTokenizer.make(
            vocabulary, merges: merges, style: style, added: added, roles: roles, file: file)
    }

    private func style(_ file: String) throws(TokenizerError) -> ByteLevelTokenizer.Style {
        switch pre {
        case "gpt-2", "gpt2", "mpt", "olmo", "phi-2": return .gpt2
        case "llama-bpe", "llama3", "llama-v3", "falcon3": return .llama3
        case "qwen2", "deepseek-r1-qwen", "stablelm2": return .qwen2
        case "smollm": return .smollm
        case nil, "default": return try Self.defaultStyle(file)
        case let name?:
            throw TokenizerError(
                .unsupported, file: file, place: "tokenizer.ggml.pre",
                "'\(name)' is not supported; use the model's Hugging Face directory, whose tokenizer.json says how text is cut")
        }
    }

    /// What llama.cpp does for files that do not say how text is cut.
    private static func defaultStyle(_ file: String) throws(TokenizerError) -> ByteLevelTokenizer.Style {
        let patterns = [
            #"[\p{P}\$\+<=>\^~\|]+"#,
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"#,
            #"\p{N}+"#,
            #"[0-9][0-9][0-9]"#,
        ]
        var steps: [PreTokenizer.Step] = []
        for pattern in patterns {
            do {
                steps.append(.split(.regex(try SplitRegex(pattern)), .isolated, inverted: false))
            } catch {
                throw TokenizerError(.unsupported, file: file, place: "tokenizer.ggml.pre", error.reason)
            }
        }
        return ByteLevelTokenizer.Style(preTokenizer: .steps(steps))
    }
}
