/// A JSON document whose strings are kept as bytes.
///
/// Foundation's dictionaries compare keys as Swift strings, by canonical equivalence: vocabularies hold entries such as a
/// composed and a decomposed é, which would become one. Here a key is its bytes. Numbers are read as 64-bit floats.
struct ByteJSON: Sendable {
    indirect enum Node: Sendable {
        case null
        case bool(Bool)
        case number(Double)
        case string(Text)
        case array([Node])
        /// Members in the order of the file, repeated keys included.
        case object([(key: Text, value: Node)])
    }

    /// A range of `text`.
    struct Text: Sendable {
        let start: Int32
        let count: Int32
    }

    /// All strings of the document, unescaped, end to end.
    private(set) var text: [UInt8] = []
    private(set) var root = Node.null

    struct Malformed: Error {
        let position: Int
        let reason: String
    }

    init(_ bytes: [UInt8]) throws(Malformed) {
        guard bytes.count < Int(Int32.max) else { throw Malformed(position: 0, reason: "the file is larger than 2 GiB") }
        if let invalid = bytes.withUnsafeBufferPointer({ UTF8Text.firstInvalid($0) }) {
            throw Malformed(position: invalid, reason: "not UTF-8")
        }
        text.reserveCapacity(bytes.count / 2)
        var parser = Parser(bytes: bytes, position: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        root = try parser.value(depth: 0, into: &text)
        parser.skipSpace()
        guard parser.position == bytes.count else {
            throw Malformed(position: parser.position, reason: "something follows the end of the document")
        }
    }

    func bytes(_ string: Text) -> ArraySlice<UInt8> { text[Int(string.start)..<Int(string.start) + Int(string.count)] }

    func string(_ string: Text) -> String { String(decoding: bytes(string), as: UTF8.self) }
}

private struct Parser {
    let bytes: [UInt8]
    var position: Int

    typealias Malformed = ByteJSON.Malformed

    mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    mutating func value(depth: Int, into text: inout [UInt8]) throws(Malformed) -> ByteJSON.Node {
        guard depth < 128 else { throw Malformed(position: position, reason: "nested too deeply") }
        skipSpace()
        guard position < bytes.count else { throw Malformed(position: position, reason: "the file ends too early") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object(try members(depth, &text))
        case UInt8(ascii: "["): return .array(try elements(depth, &text))
        case UInt8(ascii: "\""): return .string(try string(&text))
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func members(_ depth: Int, _ text: inout [UInt8]) throws(Malformed) -> [(key: ByteJSON.Text, value: ByteJSON.Node)] {
        var members: [(key: ByteJSON.Text, value: ByteJSON.Node)] = []
        position += 1
        skipSpace()
        if take("}") { return members }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw Malformed(position: position, reason: "a key in quotes is expected")
            }
            let key = try string(&text)
            skipSpace()
            guard take(":") else { throw Malformed(position: position, reason: "':' is expected") }
            members.append((key, try value(depth: depth + 1, into: &text)))
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw Malformed(position: position, reason: "',' or '}' is expected") }
        }
    }

    private mutating func elements(_ depth: Int, _ text: inout [UInt8]) throws(Malformed) -> [ByteJSON.Node] {
        var elements: [ByteJSON.Node] = []
        position += 1
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1, into: &text))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw Malformed(position: position, reason: "',' or ']' is expected") }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func literal(_ word: StaticString, _ node: ByteJSON.Node) throws(Malformed) -> ByteJSON.Node {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count, (0..<count).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] }) else {
            throw Malformed(position: position, reason: "'\(word)' is expected")
        }
        position += count
        return node
    }

    private mutating func number() throws(Malformed) -> Double {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            guard (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte) else { break }
            position += 1
        }
        if position - start <= 9, position > start, bytes[start..<position].allSatisfy({ (0x30...0x39).contains($0) }) {
            return Double(bytes[start..<position].reduce(0) { $0 * 10 + Int($1 - 0x30) })
        }
        guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            throw Malformed(position: start, reason: "a value is expected")
        }
        return value
    }

    private mutating func string(_ text: inout [UInt8]) throws(Malformed) -> ByteJSON.Text {
        let start = text.count
        position += 1
        while true {
            var plain = position
            while plain < bytes.count, bytes[plain] != UInt8(ascii: "\""), bytes[plain] != UInt8(ascii: "\\"), bytes[plain] >= 0x20 {
                plain += 1
            }
            text.append(contentsOf: bytes[position..<plain])
            position = plain
            guard position < bytes.count else { throw Malformed(position: position, reason: "a string does not end") }
            if take("\"") { return ByteJSON.Text(start: Int32(start), count: Int32(text.count - start)) }
            guard take("\\"), position < bytes.count else {
                throw Malformed(position: position, reason: "a control character in a string")
            }
            let escape = bytes[position]
            position += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"): UTF8Text.append(try scalar(), to: &text)
            default: throw Malformed(position: position - 1, reason: "an unknown escape")
            }
        }
    }

    private mutating func scalar() throws(Malformed) -> UInt32 {
        let first = try codeUnit()
        guard (0xD800..<0xE000).contains(first) else { return first }
        guard first < 0xDC00, take("\\"), take("u") else { throw Malformed(position: position, reason: "half of a surrogate pair") }
        let second = try codeUnit()
        guard (0xDC00..<0xE000).contains(second) else { throw Malformed(position: position, reason: "half of a surrogate pair") }
        return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }

    private mutating func codeUnit() throws(Malformed) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw Malformed(position: position, reason: "four hexadecimal digits are expected")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
