/// Cuts a template into text and the tokens of its tags, with `trim_blocks` and `lstrip_blocks` as transformers sets them.
struct JinjaLexer {
    enum Token: Sendable, Equatable {
        case text([UInt8])
        case blockStart, blockEnd, outputStart, outputEnd
        case name(String)
        case string([UInt8])
        case integer(Int)
        case number(Double)
        case sign(String)
        case end
    }

    struct Placed: Sendable {
        var token: Token
        var line: Int
    }

    private let source: [UInt8]
    private var at = 0
    private var line = 1
    private var tokens: [Placed] = []
    /// Whether the text to come begins a line.
    private var startsLine = true

    static func tokens(of source: String) throws(JinjaError) -> [Placed] {
        var lexer = JinjaLexer(source)
        try lexer.run()
        return lexer.tokens
    }

    /// Line ends become line feeds, and one at the end is dropped.
    private init(_ source: String) {
        var bytes: [UInt8] = [], wasReturn = false
        for byte in source.utf8 {
            if byte == 0x0A, wasReturn { wasReturn = false; continue }
            wasReturn = byte == 0x0D
            bytes.append(wasReturn ? 0x0A : byte)
        }
        if bytes.last == 0x0A { bytes.removeLast() }
        self.source = bytes
    }

    private mutating func run() throws(JinjaError) {
        while true {
            let start = nextTag()
            let opening = start < source.count ? source[start + 1] : 0
            addText(upTo: start, opening)
            guard start < source.count else { break }
            at = start + 2
            if let sign = peek(), sign == 0x2D || sign == 0x2B { at += 1 }
            switch opening {
            case UInt8(ascii: "#"): try comment()
            case UInt8(ascii: "%"):
                if try !raw() { try tag(.blockStart, .blockEnd, UInt8(ascii: "%")) }
            default: try tag(.outputStart, .outputEnd, UInt8(ascii: "}"))
            }
        }
        add(.end)
    }

    // MARK: Text

    /// The next `{{`, `{%` or `{#`, or the end.
    private func nextTag() -> Int {
        var place = at
        while place + 1 < source.count {
            if source[place] == UInt8(ascii: "{"), [UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "#")].contains(source[place + 1]) { return place }
            place += 1
        }
        return source.count
    }

    /// Text before a tag, without the white space that the tag takes.
    private mutating func addText(upTo end: Int, _ opening: UInt8) {
        let sign = end + 2 < source.count ? source[end + 2] : 0
        var text = TracedText(Array(source[at..<end]))
        if end < source.count, sign == 0x2D {
            text = text.stripped(start: false)
        } else if end < source.count, sign != 0x2B, opening != UInt8(ascii: "{") {
            text = Self.withoutIndentation(text, startsLine: startsLine)
        }
        if !text.isEmpty { add(.text(text.bytes)) }
        count(at..<end)
        at = end
    }

    private static func withoutIndentation(_ text: TracedText, startsLine: Bool) -> TracedText {
        let start = text.bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        guard start > 0 || startsLine, text[start..<text.count].stripped().isEmpty else { return text }
        return text[0..<start]
    }

    private mutating func count(_ range: Range<Int>) { line += source[range].reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) } }

    /// After the end of a tag: `-` takes all white space, a block or comment one line feed.
    private mutating func finish(_ sign: UInt8?, trims: Bool) {
        let start = at
        if sign == 0x2D {
            skipSpace()
        } else if trims, sign != 0x2B, peek() == 0x0A {
            at += 1
        }
        count(start..<at)
        startsLine = at > 0 && source[at - 1] == 0x0A
    }

    /// Over what Python calls white space.
    private mutating func skipSpace() {
        while at < source.count {
            let end = min(source.count, at + TracedText.length(ofScalarFrom: source[at]))
            guard let scalar = String(decoding: source[at..<end], as: UTF8.self).unicodeScalars.first, scalar.isPythonSpace else { return }
            at = end
        }
    }

    private mutating func comment() throws(JinjaError) {
        let start = at
        while at + 1 < source.count, !(source[at] == UInt8(ascii: "#") && source[at + 1] == UInt8(ascii: "}")) { at += 1 }
        guard at + 1 < source.count else { throw failure("this comment is never closed") }
        let sign = at > start ? source[at - 1] : nil
        count(start..<at)
        at += 2
        finish(sign, trims: true)
    }

    /// `{% raw %}…{% endraw %}`; false where the tag is another.
    private mutating func raw() throws(JinjaError) -> Bool {
        guard let (_, body) = keyword("raw", from: at) else { return false }
        var end = body
        while true {
            guard end + 1 < source.count else { throw failure("`raw` is never closed") }
            if source[end] == UInt8(ascii: "{"), source[end + 1] == UInt8(ascii: "%") {
                let sign = end + 2 < source.count ? source[end + 2] : 0
                let word = sign == 0x2D || sign == 0x2B ? end + 3 : end + 2
                if let (closing, after) = keyword("endraw", from: word) {
                    startsLine = false
                    count(at..<body)
                    at = body
                    if source[body - 3] == 0x2D { finish(0x2D, trims: false) }
                    addText(upTo: max(at, end), UInt8(ascii: "%"))
                    count(end..<after)
                    at = after
                    finish(closing, trims: true)
                    return true
                }
            }
            end += 1
        }
    }

    /// A tag of one word from `place` on: its closing sign, and where it ends.
    private func keyword(_ word: String, from place: Int) -> (sign: UInt8?, end: Int)? {
        var place = place
        while place < source.count, Self.isSpace(source[place]) { place += 1 }
        guard source[place...].starts(with: word.utf8) else { return nil }
        place += word.utf8.count
        while place < source.count, Self.isSpace(source[place]) { place += 1 }
        var sign: UInt8?
        if place < source.count, source[place] == 0x2D || source[place] == 0x2B {
            sign = source[place]
            place += 1
        }
        return source[place...].starts(with: "%}".utf8) ? (sign, place + 2) : nil
    }

    // MARK: Tags

    private mutating func tag(_ opening: Token, _ closing: Token, _ end: UInt8) throws(JinjaError) {
        add(opening)
        var open: [UInt8] = []
        while true {
            while let byte = peek(), Self.isSpace(byte) {
                if byte == 0x0A { line += 1 }
                at += 1
            }
            guard let byte = peek() else { throw failure("the tag is never closed") }
            if open.isEmpty {
                let signed = byte == 0x2D || (byte == 0x2B && end == UInt8(ascii: "%"))
                let place = signed ? at + 1 : at
                if place + 1 < source.count, source[place] == end, source[place + 1] == UInt8(ascii: "}") {
                    add(closing)
                    at = place + 2
                    return finish(signed ? byte : nil, trims: end == UInt8(ascii: "%"))
                }
            }
            try word(byte, &open)
        }
    }

    private mutating func word(_ byte: UInt8, _ open: inout [UInt8]) throws(JinjaError) {
        if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") { return try string(byte) }
        if Self.isDigit(byte) { return try number() }
        if Self.isNameByte(byte) { return try name() }
        for sign in ["//", "**", "==", "!=", "<=", ">="] where source[at...].starts(with: sign.utf8) {
            at += 2
            return add(.sign(sign))
        }
        guard "+-*/%~<>=().,:|[]{}".utf8.contains(byte) else {
            throw failure("\"\(Unicode.Scalar(byte))\" has no meaning here")
        }
        try balance(byte, &open)
        at += 1
        add(.sign(String(Unicode.Scalar(byte))))
    }

    private func balance(_ byte: UInt8, _ open: inout [UInt8]) throws(JinjaError) {
        switch byte {
        case UInt8(ascii: "("): open.append(UInt8(ascii: ")"))
        case UInt8(ascii: "["), UInt8(ascii: "{"): open.append(byte + 2)
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
            guard open.popLast() == byte else { throw failure("\"\(Unicode.Scalar(byte))\" closes nothing") }
        default: break
        }
    }

    private mutating func name() throws(JinjaError) {
        let name = take(while: Self.isNameByte), scalars = name.unicodeScalars
        guard let first = scalars.first, first == "_" || first.properties.isXIDStart, scalars.allSatisfy(\.properties.isXIDContinue) else {
            throw failure("\(name.prefix(40)) cannot be a name")
        }
        add(.name(name))
    }

    private mutating func number() throws(JinjaError) {
        if peek() == UInt8(ascii: "0"), let radix = peek(1).flatMap({ [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2][$0 | 0x20] }) {
            at += 2
            let text = take { Self.isNameByte($0) }.filter { $0 != "_" }
            guard let value = Int(text, radix: radix) else { throw failure("the number \(text.prefix(40)) to the base \(radix) is not supported") }
            return add(.integer(value))
        }
        // What follows a point is an index.
        let isIndex = at > 0 && source[at - 1] == UInt8(ascii: ".")
        var text = digits()
        if text.hasPrefix("0"), text.contains(where: { $0 != "0" }) { throw failure("a number that begins with 0") }
        var isWhole = true
        if isIndex, let value = Int(text) { return add(.integer(value)) }
        if peek() == UInt8(ascii: "."), let next = peek(1), Self.isDigit(next) {
            at += 1
            text += "." + digits()
            isWhole = false
        }
        if let mark = peek(), mark | 0x20 == UInt8(ascii: "e") {
            let signed = peek(1) == UInt8(ascii: "-") || peek(1) == UInt8(ascii: "+")
            if let digit = peek(signed ? 2 : 1), Self.isDigit(digit) {
                text += "e" + (signed ? String(Unicode.Scalar(source[at + 1])) : "")
                at += signed ? 2 : 1
                text += digits()
                isWhole = false
            }
        }
        if isWhole, let value = Int(text) { return add(.integer(value)) }
        guard !isWhole, let value = Double(text) else { throw failure("the number \(text.prefix(40)) is not supported") }
        add(.number(value))
    }

    private mutating func digits() -> String { take { Self.isDigit($0) || $0 == UInt8(ascii: "_") }.filter { $0 != "_" } }

    private mutating func string(_ quote: UInt8) throws(JinjaError) {
        let start = line
        at += 1
        var text: [UInt8] = []
        while let byte = peek(), byte != quote {
            at += 1
            if byte == 0x0A { line += 1 }
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        guard peek() == quote else { throw JinjaError(kind: .syntax, line: start, message: "this string is never closed") }
        at += 1
        tokens.append(Placed(token: .string(text), line: start))
    }

    private mutating func escape(into text: inout [UInt8]) throws(JinjaError) {
        guard let byte = peek() else { return }
        at += 1
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 0x0A, UInt8(ascii: "t"): 0x09, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8,
            UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "'"): 0x27, UInt8(ascii: "\""): 0x22,
        ]
        if let value = plain[byte] { return text.append(value) }
        switch byte {
        case 0x0A: line += 1
        case UInt8(ascii: "x"): try code(digits: 2, into: &text)
        case UInt8(ascii: "u"): try code(digits: 4, into: &text)
        case UInt8(ascii: "U"): try code(digits: 8, into: &text)
        case UInt8(ascii: "N"), UInt8(ascii: "0")...UInt8(ascii: "7"):
            throw JinjaError(kind: .unsupported, line: line, message: "the escape \\\(Unicode.Scalar(byte)) is not supported")
        default: text += [0x5C, byte]
        }
    }

    private mutating func code(digits: Int, into text: inout [UInt8]) throws(JinjaError) {
        let end = min(at + digits, source.count)
        guard end - at == digits, let value = UInt32(String(decoding: source[at..<end], as: UTF8.self), radix: 16), let scalar = Unicode.Scalar(value)
        else { throw failure("the escape of a character is not complete, or names none") }
        text += Array(String(Character(scalar)).utf8)
        at = end
    }

    // MARK: Bytes

    private func peek(_ offset: Int = 0) -> UInt8? { at + offset < source.count ? source[at + offset] : nil }

    private mutating func take(while isTaken: (UInt8) -> Bool) -> String {
        let start = at
        while let byte = peek(), isTaken(byte) { at += 1 }
        return String(decoding: source[start..<at], as: UTF8.self)
    }

    private mutating func add(_ token: Token) { tokens.append(Placed(token: token, line: line)) }
    private func failure(_ message: String) -> JinjaError { JinjaError(kind: .syntax, line: line, message: message) }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isNameByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "_") || (0x61...0x7A).contains(byte | 0x20) || byte >= 0x80
    }
}
