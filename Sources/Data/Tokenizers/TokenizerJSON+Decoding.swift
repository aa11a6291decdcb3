extension TokenizerJSON {
    // MARK: Decoder

    /// The decoder as a rule for each token and one for the start of the text.
    func readDecoder(_ spelled: ByteStrings) throws(TokenizerError) -> TokenDecoder {
        guard let node = try root.optional("decoder") else {
            return TokenDecoder(pieces: spelled, separator: [0x20])
        }
        var chain = DecoderChain(spelled: spelled)
        try readDecoder(node, &chain)
        var pieces = ByteStrings()
        for piece in chain.pieces { pieces.append(piece) }
        return TokenDecoder(pieces: pieces, firstPieces: chain.firstPieces, leading: chain.leading)
    }

    private struct DecoderChain {
        var pieces: [[UInt8]]
        var firstPieces: [Int32: [UInt8]] = [:]
        var leading = TokenDecoder.Leading.keep
        /// Once the tokens are one string, steps apply to the whole text.
        var fused = false

        init(spelled: ByteStrings) { pieces = (0..<spelled.count).map { Array(spelled[$0]) } }
    }

    private func readDecoder(_ node: JSONCursor, _ chain: inout DecoderChain) throws(TokenizerError) {
        let type = try node.required("type")
        let name = try type.requiredString()
        if chain.fused, name != "Strip", name != "Fuse" { throw type.unsupported("'\(name)' after Fuse is not supported") }
        switch name {
        case "Sequence":
            for element in try node.required("decoders").elements() { try readDecoder(element, &chain) }
        case "ByteLevel":
            chain.pieces = chain.pieces.map { ByteAlphabet.decode($0[...]) ?? $0 }
            chain.fused = true
        case "ByteFallback":
            chain.pieces = chain.pieces.map { Self.fallbackByte($0).map { [$0] } ?? $0 }
        case "Fuse":
            chain.fused = true
        case "Replace":
            guard let pattern = try node.required("pattern").optional("String")?.requiredBytes(), !pattern.isEmpty else {
                throw try node.required("pattern").unsupported("only a plain, non-empty string is supported here")
            }
            let content = try node.required("content").requiredBytes()
            chain.pieces = chain.pieces.map { Self.replace($0, pattern, content) }
        case "Metaspace":
            guard chain.leading == .keep else { throw type.unsupported("Metaspace with Strip is not supported") }
            let mark = try node.required("replacement").requiredBytes()
            if try Self.prependScheme(node) != .never {
                chain.leading = .dropMarksOfFirst
                for (id, piece) in chain.pieces.enumerated() {
                    let first = Self.replace(piece, mark, [])
                    if first.count != piece.count { chain.firstPieces[Int32(id)] = first }
                }
            }
            chain.pieces = chain.pieces.map { Self.replace($0, mark, [0x20]) }
        case "Strip":
            let start = try Self.count(node.required("start"))
            guard try node.required("content").requiredString() == " ", try Self.count(node.required("stop")) == 0 else {
                throw type.unsupported("Strip is only supported for spaces at the start")
            }
            guard chain.fused, chain.leading == .keep else { throw type.unsupported("Strip is only supported once, after Fuse") }
            if start > 0 { chain.leading = .stripSpaces(start) }
        default:
            throw type.unsupported("the decoder '\(name)' is not supported")
        }
    }

    private static func count(_ node: JSONCursor) throws(TokenizerError) -> Int {
        guard case .number(let value) = node.node, value >= 0, value <= 1000, value == value.rounded() else {
            throw node.malformed("a small whole number is expected")
        }
        return Int(value)
    }

    private static func replace(_ text: [UInt8], _ pattern: [UInt8], _ content: [UInt8]) -> [UInt8] {
        guard let first = pattern.first, text.contains(first) else { return text }
        var out: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty {
            if rest.starts(with: pattern) {
                out += content
                rest = rest.dropFirst(pattern.count)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out
    }

    /// The byte of a token such as `<0x0A>`.
    static func fallbackByte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3...4], as: UTF8.self), radix: 16)
    }

    // MARK: Post-processor

    /// The ids that the post-processor puts before and after a single text.
    func readPostProcessor(_ vocabulary: BPEVocabulary) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        guard let node = try root.optional("post_processor") else { return ([], []) }
        return try readPostProcessor(node, vocabulary)
    }

    private func readPostProcessor(
        _ node: JSONCursor, _ vocabulary: BPEVocabulary
    ) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        let type = try node.required("type")
        switch try type.requiredString() {
        case "ByteLevel":
            return ([], [])
        case "Sequence":
            var prefix: [Int32] = []
            var suffix: [Int32] = []
            for element in try node.required("processors").elements() {
                let inner = try readPostProcessor(element, vocabulary)
                prefix = inner.prefix + prefix
                suffix += inner.suffix
            }
            return (prefix, suffix)
        case "TemplateProcessing":
            return try readTemplate(node, vocabulary)
        case let name:
            throw type.unsupported("the post-processor '\(name)' is not supported")
        }
    }

    private func readTemplate(
        _ node: JSONCursor, _ vocabulary: BPEVocabulary
    ) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        var sawText = false
        let known = try node.optional("special_tokens")
        for element in try node.required("single").elements() {
            if let token = try element.optional("SpecialToken") {
                let name = try token.required("id").requiredString()
                guard let ids = try known?.optional(name)?.optional("ids")?.elements() else {
                    throw element.malformed("'\(name)' is not among the special_tokens of the template")
                }
                for id in ids {
                    if sawText { suffix.append(try id.requiredId()) } else { prefix.append(try id.requiredId()) }
                }
            } else if try element.optional("Sequence") != nil, !sawText {
                sawText = true
            } else {
                throw element.unsupported("only one text and tokens around it are supported")
            }
        }
        guard sawText else { throw try node.required("single").malformed("the text itself is missing from the template") }
        return (prefix, suffix)
    }
}
