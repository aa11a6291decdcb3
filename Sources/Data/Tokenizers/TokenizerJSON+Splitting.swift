extension TokenizerJSON {
    // MARK: Normalizer

    func readNormalizer() throws(TokenizerError) -> Normalizer {
        guard let node = try root.optional("normalizer") else { return Normalizer() }
        return Normalizer(steps: try readNormalizerSteps(node))
    }

    private func readNormalizerSteps(_ node: JSONCursor) throws(TokenizerError) -> [Normalizer.Step] {
        switch try node.required("type").requiredString() {
        case "Sequence":
            var steps: [Normalizer.Step] = []
            for element in try node.required("normalizers").elements() { steps += try readNormalizerSteps(element) }
            return steps
        case "NFC":
            return [.composed]
        case "Prepend":
            return [.prepend(try node.required("prepend").requiredBytes())]
        case "Replace":
            let pattern = try Self.literal(node.required("pattern"))
            return [.replace(pattern, with: try node.required("content").requiredBytes())]
        case let type:
            throw try node.required("type").unsupported("the normalizer '\(type)' is not supported")
        }
    }

    /// A pattern that is a plain string.
    private static func literal(_ pattern: JSONCursor) throws(TokenizerError) -> [UInt8] {
        guard let literal = try pattern.optional("String")?.requiredBytes(), !literal.isEmpty else {
            throw pattern.unsupported("only a plain, non-empty string is supported here")
        }
        return literal
    }

    // MARK: Pre-tokenizer

    struct Cut {
        var rewriter = Normalizer()
        var preTokenizer = PreTokenizer.whole
        /// Whether the model sees bytes (as GPT-2 spells them) rather than characters.
        var byteLevel = false
    }

    func readPreTokenizer() throws(TokenizerError) -> Cut {
        var cut = Cut()
        guard let node = try root.optional("pre_tokenizer") else { return cut }
        var steps: [PreTokenizer.Step] = []
        try readPreTokenizer(node, &cut, &steps)
        switch steps.count {
        case 0:
            break
        case 1:
            if case .scanner(let scanner) = steps[0] { cut.preTokenizer = .scanner(scanner) } else { cut.preTokenizer = .steps(steps) }
        case 2:
            if case .split(.digit, .isolated, inverted: false) = steps[0], case .scanner(.gpt2) = steps[1] {
                cut.preTokenizer = .scanner(.digitsThenGPT2)
            } else {
                cut.preTokenizer = .steps(steps)
            }
        default:
            cut.preTokenizer = .steps(steps)
        }
        return cut
    }

    private func readPreTokenizer(_ node: JSONCursor, _ cut: inout Cut, _ steps: inout [PreTokenizer.Step]) throws(TokenizerError) {
        let type = try node.required("type")
        if cut.byteLevel { throw type.unsupported("a pre-tokenizer after ByteLevel is not supported") }
        let name = try type.requiredString()
        switch name {
        case "Sequence":
            for element in try node.required("pretokenizers").elements() { try readPreTokenizer(element, &cut, &steps) }
        case "ByteLevel":
            if try node.bool("add_prefix_space", otherwise: true) {
                guard steps.isEmpty, cut.rewriter.steps.isEmpty else {
                    throw try node.required("add_prefix_space").unsupported("only a first pre-tokenizer may add a space")
                }
                cut.rewriter.steps.append(.prefixSpace)
            }
            if try node.bool("use_regex", otherwise: true) { steps.append(.scanner(.gpt2)) }
            cut.byteLevel = true
        case "Split":
            steps.append(try readSplit(node))
        case "Digits":
            let apart = try node.bool("individual_digits", otherwise: false)
            steps.append(.split(.digit, apart ? .isolated : .contiguous, inverted: false))
        case "Metaspace":
            guard steps.isEmpty, cut.rewriter.steps.isEmpty else {
                throw type.unsupported("only a first pre-tokenizer may be Metaspace")
            }
            let mark = try node.required("replacement").requiredBytes()
            cut.rewriter.steps.append(.metaspace(mark: mark, try Self.prependScheme(node)))
            if try node.bool("split", otherwise: true) {
                steps.append(.split(.literal(mark), .mergedWithNext, inverted: false))
            }
        default:
            throw type.unsupported("the pre-tokenizer '\(name)' is not supported")
        }
    }

    /// `prepend_scheme`, or its predecessor `add_prefix_space`.
    static func prependScheme(_ node: JSONCursor) throws(TokenizerError) -> Normalizer.PrependScheme {
        guard let scheme = try node.optional("prepend_scheme") else {
            return try node.bool("add_prefix_space", otherwise: true) ? .always : .never
        }
        switch try scheme.requiredString() {
        case "always": return .always
        case "first": return .first
        case "never": return .never
        default: throw scheme.malformed("'always', 'first' or 'never' is expected")
        }
    }

    private func readSplit(_ node: JSONCursor) throws(TokenizerError) -> PreTokenizer.Step {
        let behaviorNode = try node.required("behavior")
        guard let behavior = PreTokenizer.Behavior(rawValue: try behaviorNode.requiredString()) else {
            throw behaviorNode.malformed("'Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext' or 'Contiguous' is expected")
        }
        let inverted = try node.bool("invert", otherwise: false)
        let pattern = try node.required("pattern")
        guard let regex = try pattern.optional("Regex") else {
            return .split(.literal(try Self.literal(pattern)), behavior, inverted: inverted)
        }
        let text = try regex.requiredString()
        if behavior == .isolated, !inverted, let scanner = WordScanner(pattern: text) { return .scanner(scanner) }
        do {
            return .split(.regex(try SplitRegex(text)), behavior, inverted: inverted)
        } catch {
            throw regex.unsupported(error.reason)
        }
    }
}
