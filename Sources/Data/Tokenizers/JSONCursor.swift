/// A place in a JSON document that knows its own name, so that every complaint says which key it is about.
struct JSONCursor {
    let document: ByteJSON
    let node: ByteJSON.Node
    let file: String
    /// For instance `model.merges[3]`.
    let path: String

    init(document: ByteJSON, file: String) {
        self.init(document: document, node: document.root, file: file, path: "")
    }

    private init(document: ByteJSON, node: ByteJSON.Node, file: String, path: String) {
        self.document = document
        self.node = node
        self.file = file
        self.path = path
    }

    /// Reads a whole file.
    static func parse(_ bytes: [UInt8], file: String) throws(TokenizerError) -> JSONCursor {
        do {
            return JSONCursor(document: try ByteJSON(bytes), file: file)
        } catch {
            throw TokenizerError(.malformed, file: file, place: "byte \(error.position)", "not valid JSON: \(error.reason)")
        }
    }

    func malformed(_ reason: String) -> TokenizerError { TokenizerError(.malformed, file: file, place: path, reason) }

    func unsupported(_ reason: String) -> TokenizerError { TokenizerError(.unsupported, file: file, place: path, reason) }

    var isNull: Bool {
        if case .null = node { return true }
        return false
    }

    private func at(_ node: ByteJSON.Node, _ path: String) -> JSONCursor {
        JSONCursor(document: document, node: node, file: file, path: path)
    }

    /// The member `key` of an object; nil when it is absent or null. The last one counts when the key is repeated.
    func optional(_ key: String) throws(TokenizerError) -> JSONCursor? {
        guard case .object(let members) = node else { throw malformed("an object is expected") }
        let wanted = Array(key.utf8)
        guard let member = members.last(where: { document.bytes($0.key).elementsEqual(wanted) }) else { return nil }
        let found = at(member.value, path.isEmpty ? key : path + "." + key)
        return found.isNull ? nil : found
    }

    func required(_ key: String) throws(TokenizerError) -> JSONCursor {
        guard let found = try optional(key) else { throw malformed("the key '\(key)' is missing") }
        return found
    }

    var bytes: [UInt8]? {
        guard case .string(let text) = node else { return nil }
        return Array(document.bytes(text))
    }

    var string: String? {
        guard case .string(let text) = node else { return nil }
        return document.string(text)
    }

    func requiredBytes() throws(TokenizerError) -> [UInt8] {
        guard let bytes else { throw malformed("a string is expected") }
        return bytes
    }

    func requiredString() throws(TokenizerError) -> String {
        guard let string else { throw malformed("a string is expected") }
        return string
    }

    func requiredBool() throws(TokenizerError) -> Bool {
        guard case .bool(let value) = node else { throw malformed("true or false is expected") }
        return value
    }

    /// The Boolean member `key`, or `otherwise` when it is absent.
    func bool(_ key: String, otherwise: Bool) throws(TokenizerError) -> Bool {
        guard let found = try optional(key) else { return otherwise }
        return try found.requiredBool()
    }

    /// The members of an object, in the order of the file.
    func members() throws(TokenizerError) -> [(key: [UInt8], value: JSONCursor)] {
        guard case .object(let members) = node else { throw malformed("an object is expected") }
        return members.map { member in
            (Array(document.bytes(member.key)), at(member.value, path + (path.isEmpty ? "" : ".") + document.string(member.key)))
        }
    }

    /// A token id: a whole number that an id can be.
    func requiredId() throws(TokenizerError) -> Int32 {
        guard case .number(let value) = node, value >= 0, value < Double(TokenizerLimits.ids), value == value.rounded() else {
            throw malformed("a token id (a whole number from 0 to \(TokenizerLimits.ids - 1)) is expected")
        }
        return Int32(value)
    }

    func elements() throws(TokenizerError) -> [JSONCursor] {
        guard case .array(let nodes) = node else { throw malformed("an array is expected") }
        return nodes.enumerated().map { at($0.element, "\(path)[\($0.offset)]") }
    }

    /// Refuses the key unless it is absent, null or `false`.
    func refuse(_ key: String) throws(TokenizerError) {
        guard let found = try optional(key) else { return }
        if case .bool(false) = found.node { return }
        throw found.unsupported("this setting is not supported")
    }
}

/// What a tokenizer file may ask for before it is taken for broken.
enum TokenizerLimits {
    /// Ids are below this; the largest public vocabularies have a few hundred thousand entries.
    static let ids: Int32 = 1 << 22
}
