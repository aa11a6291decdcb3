/// How Python writes values: `str`, `repr` and `json.dumps`.
extension JinjaInterpreter {
    /// `str(value)`; nothing for what is missing.
    mutating func text(_ value: JinjaValue) throws(JinjaError) -> TracedText {
        switch value {
        case .text(let text): return text
        case .undefined: return TracedText()
        default: return try representation(value)
        }
    }

    /// `repr(value)`.
    mutating func representation(_ value: JinjaValue) throws(JinjaError) -> TracedText {
        var writer = PythonWriter(style: .representation)
        try write(value, &writer)
        return writer.text.coveredByItsOrigin()
    }

    /// `json.dumps(value)`.
    mutating func json(_ value: JinjaValue, _ style: PythonWriter.JSONStyle) throws(JinjaError) -> TracedText {
        var writer = PythonWriter(style: .json(style))
        try write(value, &writer)
        return writer.text.coveredByItsOrigin()
    }

    private mutating func write(_ value: JinjaValue, _ writer: inout PythonWriter) throws(JinjaError) {
        try spend()
        try deeper()
        defer { shallower() }
        switch value {
        case .none: writer.word("None", "null")
        case .bool(let value): writer.word(value ? "True" : "False", value ? "true" : "false")
        case .integer(let value): writer.text.append(String(value))
        case .number(let value): writer.number(value)
        case .text(let text):
            try spend(text.count / 4)
            writer.quote(text)
        case .list(let elements): try write(elements, "[", "]", &writer)
        case .tuple(let elements): try write(elements, writer.isJSON ? "[" : "(", writer.isJSON ? "]" : elements.count == 1 ? ",)" : ")", &writer)
        case .dictionary(let dictionary): try write(dictionary, &writer)
        case .undefined(let what): throw failure("\(what) is undefined, so it cannot be written")
        case .iterable, .namespace, .loop, .function: throw failure(.unsupported, "\(value.kind) cannot be written")
        }
    }

    private mutating func write(_ elements: [JinjaValue], _ opening: String, _ closing: String, _ writer: inout PythonWriter) throws(JinjaError) {
        writer.open(opening)
        for (index, element) in elements.enumerated() {
            try spend(writer.growth / 16)
            writer.separate(isFirst: index == 0)
            try write(element, &writer)
        }
        writer.close(closing, isEmpty: elements.isEmpty)
    }

    private mutating func write(_ dictionary: JinjaDictionary, _ writer: inout PythonWriter) throws(JinjaError) {
        var entries = dictionary.entries
        if writer.sortsKeys {
            entries = try sorted(entries.map { .tuple([$0.key, $0.value]) }, by: { $0.elements?[0] ?? .none }).compactMap { pair in
                pair.elements.map { JinjaDictionary.Entry(key: $0[0], value: $0[1]) }
            }
        }
        writer.open("{")
        for (index, entry) in entries.enumerated() {
            try spend(writer.growth / 16)
            writer.separate(isFirst: index == 0)
            let key = try writer.isJSON ? jsonKey(entry.key) : entry.key
            try write(key, &writer)
            writer.colon()
            try write(entry.value, &writer)
        }
        writer.close("}", isEmpty: entries.isEmpty)
    }

    private mutating func jsonKey(_ key: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch key {
        case .text: return key
        case .none, .bool, .integer, .number: return .text(try json(key, PythonWriter.JSONStyle()))
        default: throw failure("\(key.kind) cannot be a key in JSON")
        }
    }
}

/// Text of a value as it grows.
struct PythonWriter {
    struct JSONStyle {
        var onlyASCII = false
        /// What a level is indented by; nil for one line.
        var indent: String?
        var itemSeparator = ", "
        var keySeparator = ": "
        var sortsKeys = false
    }

    enum Style {
        case representation
        case json(JSONStyle)
    }

    let style: Style
    var text = TracedText()
    private var level = 0
    private var counted = 0

    init(style: Style) { self.style = style }

    private var json: JSONStyle? { if case .json(let style) = style { style } else { nil } }
    var isJSON: Bool { json != nil }
    var sortsKeys: Bool { json?.sortsKeys ?? false }

    /// Bytes since it was asked for the last time.
    var growth: Int {
        mutating get {
            defer { counted = text.count }
            return text.count - counted
        }
    }

    mutating func word(_ python: String, _ json: String) { text.append(isJSON ? json : python) }

    mutating func open(_ sign: String) {
        text.append(sign)
        level += 1
    }

    mutating func separate(isFirst: Bool) {
        if !isFirst { text.append(json?.itemSeparator ?? ", ") }
        newLine()
    }

    mutating func colon() { text.append(json?.keySeparator ?? ": ") }

    mutating func close(_ sign: String, isEmpty: Bool) {
        level -= 1
        if !isEmpty { newLine() }
        text.append(sign)
    }

    private mutating func newLine() {
        if let indent = json?.indent { text.append("\n" + String(repeating: indent, count: level)) }
    }

    mutating func number(_ value: Double) {
        guard value.isFinite else {
            let sign = value < 0 ? "-" : ""
            return isJSON ? text.append(value.isNaN ? "NaN" : sign + "Infinity") : text.append(value.isNaN ? "nan" : sign + "inf")
        }
        text.append(value.pythonSpelling)
    }

    mutating func quote(_ value: TracedText) {
        let quote = isJSON || (value.bytes.contains(0x27) && !value.bytes.contains(0x22)) ? "\"" : "'"
        text.append(quote)
        let isJSON = isJSON, onlyASCII = json?.onlyASCII ?? false
        text.append(value.mapped { isJSON ? Self.jsonEscaped($0, onlyASCII: onlyASCII) : Self.escaped($0, quote) })
        text.append(quote)
    }

    private static func jsonEscaped(_ text: String, onlyASCII: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            case _ where scalar.value < 0x20 || (onlyASCII && scalar.value > 0x7E):
                for unit in String(scalar).utf16 { result += "\\u" + hexadecimal(UInt32(unit), digits: 4) }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func escaped(_ text: String, _ quote: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where String(scalar) == quote: result += "\\" + quote
            case _ where scalar.isPrintableInPython: result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x100: result += "\\x" + hexadecimal(scalar.value, digits: 2)
            case _ where scalar.value < 0x10000: result += "\\u" + hexadecimal(scalar.value, digits: 4)
            default: result += "\\U" + hexadecimal(scalar.value, digits: 8)
            }
        }
        return result
    }

    private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintableInPython: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}

extension Double {
    /// The shortest digits that read back to the same number, placed as Python's `repr` places them.
    fileprivate var pythonSpelling: String {
        let spelled = magnitude.description.split(separator: "e"), sign = self.sign == .minus ? "-" : ""
        let parts = spelled[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 && parts[1] != "0" ? String(parts[1]) : ""
        var digits = String(parts[0]) + fraction
        var point = parts[0].count + (spelled.count > 1 ? Int(spelled[1]) ?? 0 : 0)
        while digits.count > 1, digits.hasPrefix("0") { (digits, point) = (String(digits.dropFirst()), point - 1) }
        while digits.count > 1, digits.hasSuffix("0") { digits.removeLast() }
        if digits == "0" { return sign + "0.0" }
        if point > 16 || point < -3 {
            let rest = String(digits.dropFirst()), exponent = point - 1
            let power = "\(exponent < 0 ? "-" : "+")\(abs(exponent) < 10 ? "0" : "")\(abs(exponent))"
            return "\(sign)\(digits.prefix(1))\(rest.isEmpty ? "" : ".")\(rest)e\(power)"
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if point >= digits.count { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
        return "\(sign)\(digits.prefix(point)).\(digits.dropFirst(point))"
    }
}
