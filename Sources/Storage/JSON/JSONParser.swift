import Foundation

extension JSONValue {
    /// Parses one JSON document (RFC 8259; `NaN` and `Infinity`, which Python writes, are taken too).
    ///
    /// Errors name line and column. A key that appears twice in an object is an error: readers differ in which they take.
    package static func parse(_ bytes: UnsafeRawBufferPointer, file: String) throws(StorageError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, file: file)
        return try parser.document()
    }

    /// Reads and parses the file at `path`.
    package static func read(_ path: String) throws(StorageError) -> JSONValue {
        try MappedFile(path: path).withBytes { (bytes) throws(StorageError) in try parse(bytes, file: path) }
    }

    package static func parse(_ text: String, file: String = "text") throws(StorageError) -> JSONValue {
        let bytes = Array(text.utf8)
        return try bytes.withRawBytes { (raw) throws(StorageError) in try parse(raw, file: file) }
    }
}

private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let file: String
    var position = 0
    var depth = 0
    static let maximumDepth = 128

    init(bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    func failure(_ message: String) -> StorageError {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        let column = position - (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1)
        return StorageError(.malformed, file: file, place: "line \(line), column \(column)", "not valid JSON: \(message)")
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func document() throws(StorageError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw failure("something follows the end of the document") }
        return value
    }

    mutating func value() throws(StorageError) -> JSONValue {
        skipSpace()
        guard let byte = next else { throw failure("the document ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "{"): return try nested { (parser) throws(StorageError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { (parser) throws(StorageError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        default: return try scalar()
        }
    }

    mutating func nested(
        _ body: (inout JSONParser) throws(StorageError) -> JSONValue
    ) throws(StorageError) -> JSONValue {
        guard depth < Self.maximumDepth else { throw failure("nested deeper than \(Self.maximumDepth) levels") }
        position += 1
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    mutating func object() throws(StorageError) -> JSONValue {
        var members: [String: JSONValue] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a key in double quotes is expected") }
            let key = try string()
            guard take(":") else { throw failure("':' is expected after the key \"\(key)\"") }
            guard members.updateValue(try value(), forKey: key) == nil else { throw failure("the key \"\(key)\" appears twice") }
        } while take(",")
        guard take("}") else { throw failure("',' or '}' is expected") }
        return .object(members)
    }

    mutating func array() throws(StorageError) -> JSONValue {
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat { elements.append(try value()) } while take(",")
        guard take("]") else { throw failure("',' or ']' is expected") }
        return .array(elements)
    }

    mutating func scalar() throws(StorageError) -> JSONValue {
        let start = position
        while let byte = next, isWord(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        switch word {
        case "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "NaN": return .double(.nan)
        case "Infinity": return .double(.infinity)
        case "-Infinity": return .double(-.infinity)
        default: break
        }
        position = start
        guard isNumber(word.utf8) else { throw failure(word.isEmpty ? "a value is expected" : "\"\(word.prefix(40))\" is not a value") }
        position = start + word.utf8.count
        if let int = Int(word) { return .int(int) }
        guard let double = Double(word) else { throw failure("\"\(word.prefix(40))\" is not a number") }
        return .double(double)
    }

    func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// -? (0 | 1-9 digits) (. digits)? ([eE] [+-]? digits)?
    func isNumber(_ word: String.UTF8View) -> Bool {
        var rest = word[...]
        func digits(_ rest: inout Substring.UTF8View) -> Int {
            let count = rest.prefix { 0x30...0x39 ~= $0 }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let leadingZero = rest.first == UInt8(ascii: "0")
        let whole = digits(&rest)
        guard whole > 0, !(leadingZero && whole > 1) else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard digits(&rest) > 0 else { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
            guard digits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }

    mutating func string() throws(StorageError) -> String {
        position += 1
        let start = position
        // Most strings have no escapes: find the end, then decode in one piece.
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        if next == UInt8(ascii: "\"") {
            let text = try decode(bytes[start..<position])
            position += 1
            return text
        }
        var buffer = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try buffer.withRawBytes { (raw) throws(StorageError) in try decode(raw[...]) }
            case UInt8(ascii: "\\"): try escape(into: &buffer)
            case 0..<0x20: throw failure("a control character inside a string")
            default: buffer.append(byte)
            }
        }
        throw failure("the string that starts at byte \(start) does not end")
    }

    func decode(_ slice: Slice<UnsafeRawBufferPointer>) throws(StorageError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw failure("a string is not valid UTF-8") }
        return text
    }

    mutating func escape(into buffer: inout [UInt8]) throws(StorageError) {
        guard let byte = next else { throw failure("the document ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
        case UInt8(ascii: "u"): try unicodeEscape(into: &buffer)
        default: throw failure("unknown escape in a string")
        }
    }

    mutating func unicodeEscape(into buffer: inout [UInt8]) throws(StorageError) {
        var code = UInt32(try hexadecimal())
        if 0xD800...0xDBFF ~= code, next == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") {
            position += 2
            let low = UInt32(try hexadecimal())
            guard 0xDC00...0xDFFF ~= low else { throw failure("half of a surrogate pair is missing") }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair is missing") }
        buffer.append(contentsOf: UTF8.encode(scalar)!)
    }

    mutating func hexadecimal() throws(StorageError) -> UInt16 {
        guard bytes.count - position >= 4,
            let code = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
            bytes[position] != UInt8(ascii: "+")
        else { throw failure("four hexadecimal digits are expected after \\u") }
        position += 4
        return code
    }
}
