import Foundation

/// One row of a data set as a JSON object, with accessors whose errors name the key.
package struct JSONRow {
    package let fields: [String: Any]

    package init(fields: [String: Any]) { self.fields = fields }

    /// Parses one row. The bytes must be UTF-8 and one JSON object.
    package init(parsing bytes: [UInt8]) throws(RecordError) {
        try requireUTF8(bytes)
        let value: Any
        do {
            value = try JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
        } catch {
            throw RecordError("not valid JSON\(Self.reason(of: error))")
        }
        guard let fields = value as? [String: Any] else {
            throw RecordError("expected a JSON object, found \(Self.typeName(value))")
        }
        self.fields = fields
    }

    /// The keys, sorted, for messages.
    package var keys: String { fields.keys.sorted().map { "`\($0)`" }.joined(separator: ", ") }

    package func has(_ key: String) -> Bool {
        guard let value = fields[key] else { return false }
        return !(value is NSNull)
    }

    /// The string at `key`.
    package func string(_ key: String) throws(RecordError) -> String {
        let value = try value(key)
        guard let text = value as? String else {
            throw RecordError("`\(key)` must be a string, not \(Self.typeName(value))")
        }
        return text
    }

    /// The string at `key`; empty where the key is missing or null.
    package func stringIfPresent(_ key: String) throws(RecordError) -> String {
        has(key) ? try string(key) : ""
    }

    /// The array at `key`.
    package func array(_ key: String) throws(RecordError) -> [Any] {
        let value = try value(key)
        guard let array = value as? [Any] else {
            throw RecordError("`\(key)` must be a list, not \(Self.typeName(value))")
        }
        return array
    }

    private func value(_ key: String) throws(RecordError) -> Any {
        guard let value = fields[key] else {
            throw RecordError("`\(key)` is missing; the row has " + (fields.isEmpty ? "no keys" : keys))
        }
        return value
    }

    /// What a JSON value is, in words.
    package static func typeName(_ value: Any) -> String {
        switch value {
        case is NSNull: "null"
        case is String: "a string"
        case is [Any]: "a list"
        case is [String: Any]: "an object"
        case let number as NSNumber: String(cString: number.objCType) == "c" ? "true or false" : "a number"
        default: "something else"
        }
    }

    private static func reason(of error: any Error) -> String {
        let details = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String
        return details.map { ": \($0)" } ?? ""
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
