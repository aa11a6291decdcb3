/// What the files beside a tokenizer say about the roles of its tokens.
package struct SpecialRoles: Sendable, Equatable {
    package var bos: String?
    package var eos: String?
    package var pad: String?
    package var unk: String?
    /// `add_bos_token` and `add_eos_token` of `tokenizer_config.json`; nil when it does not say.
    package var addBos: Bool?
    package var addEos: Bool?
    /// `legacy` of `tokenizer_config.json`; nil when it does not say.
    package var legacy: Bool?

    package init() {}

    struct Resolved {
        var tokens: SpecialTokens
        var addsBos: Bool
        var addsEos: Bool
    }

    /// The ids of the roles, given what the file's post-processor puts before and after a text; `addBos` and `addEos` count
    /// instead where one of them is given.
    func resolve(_ vocabulary: BPEVocabulary, file: String, prefix: [Int32], suffix: [Int32]) throws(TokenizerError) -> Resolved {
        func id(_ name: String?, _ role: String) throws(TokenizerError) -> Int32? {
            guard let name else { return nil }
            guard let id = vocabulary.id(Array(name.utf8)) else {
                throw TokenizerError(
                    .malformed, file: file,
                    "the \(role) is '\(name)' by the files beside it, but the tokenizer has no such token; correct tokenizer_config.json")
            }
            return id
        }
        // Training needs neither pad nor unk: a name without a token (which the reference would append to the vocabulary) is none.
        var tokens = SpecialTokens(
            bos: try id(bos, "bos_token"), eos: try id(eos, "eos_token"), pad: pad.flatMap { vocabulary.id(Array($0.utf8)) },
            unk: unk.flatMap { vocabulary.id(Array($0.utf8)) })
        if addBos != nil || addEos != nil {
            let addsBos = addBos ?? false
            let addsEos = addEos ?? false
            guard !addsBos || tokens.bos != nil else {
                throw TokenizerError(.malformed, file: file, "add_bos_token is true, but there is no bos_token")
            }
            guard !addsEos || tokens.eos != nil else {
                throw TokenizerError(.malformed, file: file, "add_eos_token is true, but there is no eos_token")
            }
            return Resolved(tokens: tokens, addsBos: addsBos, addsEos: addsEos)
        }
        guard prefix.count <= 1, suffix.count <= 1 else {
            throw TokenizerError(
                .unsupported, file: file, place: "post_processor", "more than one token before or after a text is not supported")
        }
        if let first = prefix.first {
            if tokens.bos == nil { tokens.bos = first }
            guard tokens.bos == first else {
                throw TokenizerError(
                    .unsupported, file: file, place: "post_processor", "it puts another token before a text than the bos_token")
            }
        }
        if let last = suffix.first {
            if tokens.eos == nil { tokens.eos = last }
            guard tokens.eos == last else {
                throw TokenizerError(
                    .unsupported, file: file, place: "post_processor", "it puts another token after a text than the eos_token")
            }
        }
        return Resolved(tokens: tokens, addsBos: !prefix.isEmpty, addsEos: !suffix.isEmpty)
    }
}
