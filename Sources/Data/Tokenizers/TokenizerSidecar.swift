/// What the files beside a tokenizer say: roles of tokens, added tokens, the tokenizer's class.
struct TokenizerSidecar {
    var roles = SpecialRoles()
    var added: [AddedToken] = []
    var tokenizerClass: String?
    /// Ids from `config.json`, for roles without a name.
    private var ids = SpecialTokens()

    init(_ files: TokenizerFiles.Directory) throws(TokenizerError) {
        if files.has("tokenizer_config.json") {
            let config = try JSONCursor.parse(try files.read("tokenizer_config.json"), file: files.path("tokenizer_config.json"))
            try readNames(config)
            roles.addBos = try Self.bool(config, "add_bos_token")
            roles.addEos = try Self.bool(config, "add_eos_token")
            roles.legacy = try Self.bool(config, "legacy")
            tokenizerClass = try config.optional("tokenizer_class")?.requiredString()
            if let decoder = try config.optional("added_tokens_decoder") { try readAdded(decoder) }
        }
        if files.has("special_tokens_map.json") {
            try readNames(try JSONCursor.parse(try files.read("special_tokens_map.json"), file: files.path("special_tokens_map.json")))
        }
        if files.has("added_tokens.json") {
            let map = try JSONCursor.parse(try files.read("added_tokens.json"), file: files.path("added_tokens.json"))
            var known = Set(added.map(\.content))
            for (content, id) in try map.members() where known.insert(content).inserted {
                added.append(AddedToken(id: try id.requiredId(), content: content, special: false))
            }
        }
        if files.has("config.json") {
            let config = try JSONCursor.parse(try files.read("config.json"), file: files.path("config.json"))
            ids.bos = try Self.id(config, "bos_token_id")
            ids.eos = try Self.id(config, "eos_token_id")
            ids.pad = try Self.id(config, "pad_token_id")
        }
        markRolesSpecial()
    }

    private static func bool(_ config: JSONCursor, _ key: String) throws(TokenizerError) -> Bool? {
        try config.optional(key)?.requiredBool()
    }

    /// A token id; of a list (several end tokens) the first. A negative one means none.
    private static func id(_ config: JSONCursor, _ key: String) throws(TokenizerError) -> Int32? {
        guard let found = try config.optional(key) else { return nil }
        if case .number(let value) = found.node, value < 0 { return nil }
        if case .array = found.node { return try found.elements().first?.requiredId() }
        return try found.requiredId()
    }

    /// Names are strings, or objects with `content`. Those read before stay.
    private mutating func readNames(_ config: JSONCursor) throws(TokenizerError) {
        func name(_ key: String) throws(TokenizerError) -> String? {
            guard let found = try config.optional(key) else { return nil }
            if let string = found.string { return string }
            return try found.required("content").requiredString()
        }
        if roles.bos == nil { roles.bos = try name("bos_token") }
        if roles.eos == nil { roles.eos = try name("eos_token") }
        if roles.pad == nil { roles.pad = try name("pad_token") }
        if roles.unk == nil { roles.unk = try name("unk_token") }
    }

    private mutating func readAdded(_ decoder: JSONCursor) throws(TokenizerError) {
        for (key, entry) in try decoder.members() {
            let key = String(decoding: key, as: UTF8.self)
            guard let id = Int32(key), id >= 0, id < TokenizerLimits.ids else { throw entry.malformed("'\(key)' is not a token id") }
            added.append(try TokenizerJSON.addedToken(entry, id: id))
        }
    }

    private mutating func markRolesSpecial() {
        let names = [roles.bos, roles.eos, roles.pad, roles.unk].compactMap { $0.map { Array($0.utf8) } }
        for index in added.indices where names.contains(added[index].content) { added[index].special = true }
    }

    /// Roles that only `config.json` knows, by id.
    func completingRoles(_ tokenizer: BPETokenizer) throws(TokenizerError) -> BPETokenizer {
        tokenizer.with(fallback: ids)
    }
}
