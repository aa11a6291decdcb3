/// A strict reader of JSON (RFC 8259) that keeps positions and goes on after the slips that can be repaired.
///
/// Comments, trailing and missing commas and repeated keys are noted and stepped over, so that one look at the output shows
/// every mistake. Anything else ends the reading. No input makes it crash: nesting is limited, and bytes need not be UTF-8.
package struct JSONParser {
    /// Deeper nesting is refused; the parser recurses, and a stranger's file must not choose the depth of the stack.
    package static let maximumDepth = 128
    /// After so many mistakes the rest of the file is not read.
    package static let maximumIssues = 50

    private let bytes: [UInt8]
    private let takesNonFinite: Bool
    /// Whether the text is one row of a file of rows: its mistakes are described by columns.
    private let isRow: Bool
    private var index = 0
    private var line = 1
    private var lineStart = 0
    private(set) var issues: [JSONIssue] = []

    /// Thrown to leave the recursion; the reason is the last of `issues`.
    private struct Stop: Error {}

    private init(_ bytes: [UInt8], takesNonFinite: Bool, isRow: Bool = false) {
        self.bytes = bytes
        self.takesNonFinite = takesNonFinite
        self.isRow = isRow
    }

    /// Reads as much as can be read.
    ///
    /// - Parameter takesNonFinite: whether `NaN`, `Infinity` and `-Infinity`, which Python writes, are numbers.
    /// - Returns: the value, or nil where the text ended in a mistake that cannot be repaired, and all mistakes found.
    package static func read(_ bytes: [UInt8], takesNonFinite: Bool = false) -> (json: JSON?, issues: [JSONIssue]) {
        var parser = JSONParser(bytes, takesNonFinite: takesNonFinite)
        let json = try? parser.document()
        return (json, parser.issues)
    }

    /// Reads a text without any mistake, or throws the first mistake.
    package static func parse(_ bytes: [UInt8], takesNonFinite: Bool = false) throws(JSONIssue) -> JSON {
        let (json, issues) = read(bytes, takesNonFinite: takesNonFinite)
        if let issue = issues.first { throw issue }
        guard let json else { throw JSONIssue(position: .start, message: "not JSON") }
        return json
    }

    /// Reads one row of a file of rows without any mistake, or throws the first mistake, described for a reader of that file.
    ///
    /// Numbers are what Python makes of them: `NaN` and `Infinity` are read, and `1e999` is infinite.
    package static func parseRow(_ bytes: [UInt8]) throws(JSONIssue) -> JSON {
        var parser = JSONParser(bytes, takesNonFinite: true, isRow: true)
        let json = try? parser.document()
        if let issue = parser.issues.first { throw issue }
        guard let json else { throw JSONIssue(position: .start, message: "not JSON") }
        return json
    }

    // MARK: Grammar

    private mutating func document() throws(Stop) -> JSON {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        try skipSpace()
        if atEnd { throw fail(isRow ? "the row is empty" : "the file is empty; expected a JSON object { ... }") }
        let json = try value(depth: 0)
        try skipSpace()
        if !atEnd { throw fail("\(describeNext()) after the end of the JSON value; is there one bracket too many before it?") }
        return json
    }

    private mutating func value(depth: Int) throws(Stop) -> JSON {
        if depth > Self.maximumDepth { throw fail("nested deeper than \(Self.maximumDepth) levels") }
        let position = here
        switch peek {
        case UInt8(ascii: "{"): return JSON(.object(try object(depth: depth)), at: position)
        case UInt8(ascii: "["): return JSON(.array(try array(depth: depth)), at: position)
        case UInt8(ascii: "\""): return JSON(.string(try string()), at: position)
        case UInt8(ascii: "-")?, UInt8(ascii: "+")?, UInt8(ascii: ".")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?:
            return JSON(try number(), at: position)
        case UInt8(ascii: "'"): throw fail("strings take double quotes (\"), not single ones (')")
        case nil: throw fail("the \(isRow ? "row" : "file") ends where a value was expected; is a bracket not closed?")
        default: return JSON(try word(), at: position)
        }
    }

    private mutating func object(depth: Int) throws(Stop) -> [JSON.Member] {
        let opening = here
        var members: [JSON.Member] = []
        var seen = SeenKeys()
        advance()
        while true {
            try skipSpace()
            if take("}") { return members }
            if atEnd { throw fail(unclosed("{", opening)) }
            guard peek == UInt8(ascii: "\"") else {
                throw fail("expected a key in double quotes or }, found \(describeNext())")
            }
            let position = here
            let key = try string()
            try skipSpace()
            guard take(":") else { throw fail("expected : after the key \"\(shortened(key))\", found \(describeNext())") }
            try skipSpace()
            let value = try value(depth: depth + 1)
            if let first = seen.index(of: key, in: members) {
                try note("the key \"\(shortened(key))\" is given twice; the first is in \(words(members[first].position))", at: position)
            } else {
                members.append(JSON.Member(key: key, position: position, value: value))
            }
            if try separator(closing: "}", opening: opening) { return members }
        }
    }

    private mutating func array(depth: Int) throws(Stop) -> [JSON] {
        let opening = here
        var elements: [JSON] = []
        advance()
        try skipSpace()
        if take("]") { return elements }
        while true {
            try skipSpace()
            elements.append(try value(depth: depth + 1))
            if try separator(closing: "]", opening: opening) { return elements }
        }
    }

    /// Reads the comma or the closing bracket after an element; true where the bracket came.
    private mutating func separator(closing: Unicode.Scalar, opening: JSON.Position) throws(Stop) -> Bool {
        let end = here
        try skipSpace()
        if take(closing) { return true }
        let comma = here
        if take(",") {
            try skipSpace()
            if take(closing) {
                try note("a comma before \(closing); JSON has none after the last element", at: comma)
                return true
            }
            return false
        }
        let opener: Unicode.Scalar = closing == "}" ? "{" : "["
        if atEnd { throw fail(unclosed(opener, opening)) }
        // A new key or element on a new line: surely only the comma is missing.
        if peek == UInt8(ascii: "\"") || (closing == "]" && peek == UInt8(ascii: "{")) {
            try note("a comma is missing at the end of this line or before the next \(closing == "}" ? "key" : "element")", at: end)
            return false
        }
        throw fail("expected , or \(closing), found \(describeNext())")
    }

    private mutating func word() throws(Stop) -> JSON.Value {
        let start = index
        let position = here
        while let byte = peek, isWordByte(byte) { advance() }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        switch text {
        case "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "NaN" where takesNonFinite: return .number(.nan)
        case "Infinity" where takesNonFinite: return .number(.infinity)
        case "": throw fail("expected a value, found \(describeNext())")
        default: break
        }
        switch text.lowercased() {
        case "true", "false": throw fail("\(text): JSON writes \(text.lowercased()), in small letters", at: position)
        case "none", "nil", "undefined": throw fail("\(text): JSON writes null", at: position)
        case "nan", "inf", "infinity": throw fail("\(text): JSON numbers are finite", at: position)
        default: throw fail("\(shortened(text)): text takes double quotes (\")", at: position)
        }
    }

    // MARK: Numbers

    private mutating func number() throws(Stop) -> JSON.Value {
        let start = index
        let position = here
        // Take everything that looks like part of a number, then judge it as a whole: one message instead of a strange rest.
        while let byte = peek, isWordByte(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") {
            advance()
        }
        let text = bytes.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[start..<index]), as: UTF8.self) }
        if takesNonFinite, text == "-Infinity" { return .number(-.infinity) }
        guard let integral = Self.isNumber(bytes[start..<index]) else {
            throw fail("\(shortened(text)) is not a JSON number; write it like 3, -0.5 or 1e-4", at: position)
        }
        if integral, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite || takesNonFinite else {
            throw fail("\(shortened(text)) is too large for a 64-bit number", at: position)
        }
        return .number(number)
    }

    /// Whether the bytes are a JSON number: nil if not, else true for one without fraction and exponent.
    private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool? {
        var rest = text
        func digits() -> Bool {
            let count = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
            rest = rest.dropFirst(count)
            return count > 0
        }
        var integral = true
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        if rest.first == UInt8(ascii: "0") {
            rest = rest.dropFirst()
        } else if !digits() {
            return nil
        }
        if rest.first == UInt8(ascii: ".") {
            integral = false
            rest = rest.dropFirst()
            if !digits() { return nil }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            integral = false
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            if !digits() { return nil }
        }
        return rest.isEmpty ? integral : nil
    }

    // MARK: Strings

    private mutating func string() throws(Stop) -> String {
        let position = here
        advance()
        let start = index
        index = endOfPlainText(from: index)
        if peek == UInt8(ascii: "\"") {
            defer { index += 1 }
            return try text(bytes.withUnsafeBufferPointer { String(validating: UnsafeBufferPointer(rebasing: $0[start..<index]), as: UTF8.self) }, at: position)
        }
        var content = Array(bytes[start..<index])
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                advance()
                return try text(String(validating: content, as: UTF8.self), at: position)
            case UInt8(ascii: "\\"):
                try escape(into: &content)
            case 0x0A, 0x0D:
                throw fail("this string is not closed before the end of the line", at: position)
            case 0..<0x20:
                throw fail("a control character (byte \(byte)) in a string; write it as \\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))")
            default:
                let end = endOfPlainText(from: index)
                content.append(contentsOf: bytes[index..<end])
                index = end
            }
        }
        throw fail("this string is never closed", at: position)
    }

    private mutating func text(_ string: String?, at position: JSON.Position) throws(Stop) -> String {
        guard let string else { throw fail("this string is not valid UTF-8", at: position) }
        return string
    }

    /// The first byte from `start` on that means something in a string, or the end of the text.
    private func endOfPlainText(from start: Int) -> Int {
        bytes.withUnsafeBufferPointer { bytes in
            var end = start
            while end < bytes.count, bytes[end] >= 0x20, bytes[end] != UInt8(ascii: "\""), bytes[end] != UInt8(ascii: "\\") { end += 1 }
            return end
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(Stop) {
        let position = here
        advance()
        guard let byte = peek else { throw fail("the \(isRow ? "row" : "file") ends inside a string") }
        advance()
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal(at: position)
            if (0xD800..<0xDC00).contains(code), peek == UInt8(ascii: "\\"), peek(after: 1) == UInt8(ascii: "u") {
                advance()
                advance()
                let low = try hexadecimal(at: position)
                guard (0xDC00..<0xE000).contains(low) else { throw fail("half of a surrogate pair in a string", at: position) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fail("half of a surrogate pair in a string", at: position) }
            text.append(contentsOf: UTF8.encode(scalar)!)
        default:
            throw fail("\\\(shortened(String(decoding: [byte], as: UTF8.self))) is no escape of JSON; a backslash is written \\\\", at: position)
        }
    }

    private mutating func hexadecimal(at position: JSON.Position) throws(Stop) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fail("\\u takes four hexadecimal digits", at: position)
            }
            code = code << 4 | UInt32(digit)
            advance()
        }
        return code
    }

    // MARK: Space and comments

    private mutating func skipSpace() throws(Stop) {
        while let byte = peek {
            switch byte {
            case 0x20, 0x09, 0x0D, 0x0A:
                advance()
            case UInt8(ascii: "#"):
                try note(noComments, at: here)
                while let byte = peek, byte != 0x0A { advance() }
            case UInt8(ascii: "/") where peek(after: 1) == UInt8(ascii: "/"):
                try note(noComments, at: here)
                while let byte = peek, byte != 0x0A { advance() }
            case UInt8(ascii: "/") where peek(after: 1) == UInt8(ascii: "*"):
                let position = here
                try note(noComments, at: position)
                advance()
                advance()
                while !(peek == UInt8(ascii: "*") && peek(after: 1) == UInt8(ascii: "/")) {
                    if atEnd { throw fail("this comment is never closed", at: position) }
                    advance()
                }
                advance()
                advance()
            default:
                return
            }
        }
    }

    private var noComments: String { isRow ? "JSON has no comments" : "JSON has no comments; put the text into the top-level key \"description\"" }

    // MARK: Bytes

    private var atEnd: Bool { index >= bytes.count }
    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }
    private func peek(after offset: Int) -> UInt8? { index + offset < bytes.count ? bytes[index + offset] : nil }
    private var here: JSON.Position { JSON.Position(line: line, column: index - lineStart + 1) }

    private mutating func advance() {
        guard index < bytes.count else { return }
        if bytes[index] == 0x0A {
            line += 1
            lineStart = index + 1
        }
        index += 1
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard let byte = peek, UInt32(byte) == scalar.value else { return false }
        advance()
        return true
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    // MARK: Complaints

    private mutating func note(_ message: String, at position: JSON.Position) throws(Stop) {
        issues.append(JSONIssue(position: position, message: message))
        if issues.count >= Self.maximumIssues { throw Stop() }
    }

    private mutating func fail(_ message: String, at position: JSON.Position? = nil) -> Stop {
        issues.append(JSONIssue(position: position ?? here, message: message))
        return Stop()
    }

    private func unclosed(_ bracket: Unicode.Scalar, _ position: JSON.Position) -> String {
        "the \(bracket) of \(words(position)) is never closed" + (isRow ? "; an object must stand on one line" : "")
    }

    private func words(_ position: JSON.Position) -> String {
        isRow && position.line == 1 ? "column \(position.column)" : "line \(position.line)"
    }

    private func describeNext() -> String {
        guard let byte = peek else { return isRow ? "the end of the row" : "the end of the file" }
        if isWordByte(byte) {
            return shortened(String(decoding: bytes[index...].prefix(40).prefix(while: isWordByte), as: UTF8.self))
        }
        return (0x21..<0x7F).contains(byte) ? "\(Unicode.Scalar(byte))" : "byte \(byte)"
    }

    private func shortened(_ text: String) -> String {
        text.count > 40 ? text.prefix(40) + "..." : text
    }
}

/// Tells in which objects' members a key came before: by looking where they are few, by a table where they are many.
private struct SeenKeys {
    private static let few = 16
    private var table: [String: Int] = [:]

    /// The place of `key` among `members`, which grow by one new key between calls.
    mutating func index(of key: String, in members: [JSON.Member]) -> Int? {
        guard members.count > Self.few else { return members.firstIndex { $0.key == key } }
        while table.count < members.count { table[members[table.count].key] = table.count }
        return table[key]
    }
}
