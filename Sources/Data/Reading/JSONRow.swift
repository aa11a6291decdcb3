import Basics

/// One row of a data set, or one turn in it, as a JSON object with accessors whose errors name the key.
package struct JSONRow: Sendable {
    package let members: [JSON.Member]
    let columns: ColumnNames

    init(_ members: [JSON.Member], columns: ColumnNames) {
        self.members = members
        self.columns = columns
    }

    /// Parses one row. The bytes must be UTF-8 and one JSON object.
    package init(parsing bytes: [UInt8], columns: ColumnNames = ColumnNames()) throws(RecordError) {
        let json = try Self.parse(bytes)
        guard let members = json.members else { throw RecordError("expected a JSON object, found \(json.kind)") }
        self.init(members, columns: columns)
    }

    private static func parse(_ bytes: [UInt8]) throws(RecordError) -> JSON {
        do throws(JSONIssue) {
            return try JSONParser.parseRow(bytes)
        } catch {
            try requireUTF8(bytes)  // says more about bytes that are no text
            let place = error.position.line == 1 ? "column \(error.position.column)" : "its line \(error.position.line), column \(error.position.column)"
            throw RecordError("not valid JSON at \(place): \(error.message)")
        }
    }

    /// The keys, sorted, for messages.
    package var keys: String {
        let keys = members.map(\.key).sorted(), shown = 20
        return keys.prefix(shown).map { "`\($0)`" }.joined(separator: ", ") + (keys.count > shown ? " and \(keys.count - shown) more" : "")
    }

    /// The value of a field; nil where it is missing or null.
    subscript(field: String) -> JSON? {
        let column = columns.column(of: field)
        guard let value = members.first(where: { $0.key == column })?.value, !value.isNull else { return nil }
        return value
    }

    package func has(_ field: String) -> Bool { self[field] != nil }

    /// Whether the row has the field, be it null.
    func hasKey(_ field: String) -> Bool {
        let column = columns.column(of: field)
        return members.contains { $0.key == column }
    }

    func hasList(_ field: String) -> Bool { self[field]?.elements != nil }
    func hasString(_ field: String) -> Bool { self[field]?.string != nil }

    /// The string at `field`.
    package func string(_ field: String) throws(RecordError) -> String {
        let value = try required(field)
        guard let text = value.string else { throw RecordError("\(name(of: field)) must be a string, not \(value.kind)") }
        return text
    }

    /// The string at `field`; empty where it is missing or null.
    package func stringIfPresent(_ field: String) throws(RecordError) -> String {
        has(field) ? try string(field) : ""
    }

    /// The one of several names of a field under which the row says something, else one that it has.
    ///
    /// - Throws: where two of them say something, and not the same: one would be lost.
    func field(among names: [String]) throws(RecordError) -> String {
        let saying = names.filter { self[$0]?.saysSomething == true }
        if let other = saying.first(where: { self[$0]?.text() != self[saying[0]]?.text() }) {
            throw RecordError("both \(name(of: saying[0])) and \(name(of: other)), and they differ; keep one of them")
        }
        return saying.first ?? names.first(where: has) ?? names.first(where: hasKey) ?? names[0]
    }

    /// The list at `field`.
    package func list(_ field: String) throws(RecordError) -> [JSON] {
        let value = try required(field)
        guard let list = value.elements else { throw RecordError("\(name(of: field)) must be a list, not \(value.kind)") }
        return list
    }

    func required(_ field: String) throws(RecordError) -> JSON {
        guard hasKey(field) else {
            throw RecordError("\(name(of: field)) is missing; the row has " + (members.isEmpty ? "no keys" : keys))
        }
        return self[field] ?? JSON(.null)
    }

    func name(of field: String) -> String { columns.name(of: field) }
}

extension JSON {
    var isNull: Bool { if case .null = value { true } else { false } }
    var string: String? { if case .string(let text) = value { text } else { nil } }

    /// Whether there is something in it: neither null nor an empty text, list or object.
    var saysSomething: Bool {
        switch value {
        case .null: false
        case .string(let text): !text.isEmpty
        case .array(let elements): !elements.isEmpty
        case .object(let members): !members.isEmpty
        case .bool, .integer, .number: true
        }
    }

    /// What the value is, in words.
    var kind: String {
        switch value {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// Throws at the first byte that is not UTF-8, naming its place in the row.
func requireUTF8(_ bytes: [UInt8]) throws(RecordError) {
    if String(validating: bytes, as: UTF8.self) != nil { return }
    var decoder = UTF8()
    var iterator = CountingIterator(bytes: bytes)
    while true {
        let start = iterator.position
        switch decoder.decode(&iterator) {
        case .scalarValue: continue
        case .emptyInput: return
        case .error: throw RecordError("not valid UTF-8 at byte \(start + 1) of the row; convert the file to UTF-8")
        }
    }
}

private struct CountingIterator: IteratorProtocol {
    let bytes: [UInt8]
    var position = 0

    mutating func next() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }
}
