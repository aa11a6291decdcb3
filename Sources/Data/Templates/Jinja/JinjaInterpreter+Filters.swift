/// `value | filter`.
extension JinjaInterpreter {
    /// The parameters of each; nil where any arguments are passed on.
    static let filters: [String: [String]?] = [
        "abs": [], "attr": ["name"], "batch": ["linecount", "fill_with"], "capitalize": [], "count": [], "d": ["default_value", "boolean"],
        "default": ["default_value", "boolean"], "dictsort": ["case_sensitive", "by", "reverse"], "first": [], "float": ["default"], "format": nil,
        "groupby": ["attribute", "default", "case_sensitive"], "indent": ["width", "first", "blank"], "int": ["default", "base"], "items": [],
        "join": ["d", "attribute"], "last": [], "length": [], "list": [], "lower": [], "map": nil, "max": ["case_sensitive", "attribute"],
        "min": ["case_sensitive", "attribute"], "reject": nil, "rejectattr": nil, "replace": ["old", "new", "count"], "reverse": [],
        "round": ["precision", "method"], "safe": [], "select": nil, "selectattr": nil, "sort": ["reverse", "case_sensitive", "attribute"], "string": [],
        "sum": ["attribute", "start"], "title": [], "tojson": ["ensure_ascii", "indent", "separators", "sort_keys"], "trim": ["chars"],
        "unique": ["case_sensitive", "attribute"], "upper": [], "wordcount": [],
    ]

    mutating func filter(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        try check(call, of: name, Self.filters[name] ?? nil)
        switch name {
        case "default", "d":
            let isMissing = value.isUndefined || (call.value(1, "boolean")?.isTrue ?? false && !value.isTrue)
            return isMissing ? call.value(0, "default_value") ?? .string("") : value
        case "safe": return .text(try text(value))
        case "string": return .text(try text(value))
        case "tojson": return .text(try json(value, try jsonStyle(call)))
        case "length", "count": return .integer(try length(value))
        case "int", "float", "abs", "round": return try numberFilter(name, value, call)
        case "upper", "lower", "title", "capitalize", "trim", "replace", "indent", "format", "wordcount": return try textFilter(name, try text(value), call)
        case "attr":
            // Unlike `.name`, it does not look into an object.
            if case .dictionary = value { return try attribute(try textArgument(call, 0).string, of: .dictionary(JinjaDictionary())) }
            return try attribute(try textArgument(call, 0).string, of: value)
        default: return try listFilter(name, value, call)
        }
    }

    private mutating func jsonStyle(_ call: JinjaCall) throws(JinjaError) -> PythonWriter.JSONStyle {
        var style = PythonWriter.JSONStyle()
        style.onlyASCII = call.value(0, "ensure_ascii")?.isTrue ?? false
        switch call.value(1, "indent") ?? .none {
        case .none: break
        case .text(let text): style.indent = text.string
        case let value:
            guard let spaces = value.integer, spaces < 1000 else { throw failure("`indent` is a number of blanks, or text") }
            style.indent = String(repeating: " ", count: max(0, spaces))
        }
        if style.indent != nil { style.itemSeparator = "," }
        switch call.value(2, "separators") ?? .none {
        case .none: break
        case let value:
            guard let pair = value.elements, pair.count == 2, case .text(let item) = pair[0], case .text(let key) = pair[1] else { throw failure("`separators` are two texts") }
            (style.itemSeparator, style.keySeparator) = (item.string, key.string)
        }
        style.sortsKeys = call.value(3, "sort_keys")?.isTrue ?? false
        return style
    }

    private mutating func length(_ value: JinjaValue) throws(JinjaError) -> Int {
        switch value {
        case .undefined: return 0
        case .text(let text):
            try spend(text.count / 64)
            return text.scalarCount
        case .iterable(let iterable) where iterable.kind != .generator: return iterable.elements.count
        case .list(let elements), .tuple(let elements): return elements.count
        case .dictionary(let dictionary): return dictionary.entries.count
        case .loop(let loop): return loop.items.count
        default: throw failure("\(value.kind) has no length")
        }
    }

    private mutating func textFilter(_ name: String, _ text: TracedText, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        try spend(text.count / 4)
        switch name {
        case "upper": return .text(text.mapped { $0.uppercased() })
        case "lower": return .text(text.mapped { $0.pythonLowercased })
        case "title": return .text(text.mapped(Self.capitalizedWords))
        case "capitalize": return .text(Self.capitalized(text))
        case "trim": return .text(try stripped(text, call.value(0, "chars") ?? .none, start: true, end: true))
        case "replace":
            guard let old = call.value(0, "old"), let new = call.value(1, "new") else { throw failure("`replace` takes two texts") }
            return .text(try replaced(text, try self.text(old), try self.text(new), call.value(2, "count")))
        case "format":
            guard call.named.isEmpty else { throw failure(.unsupported, "`format` is supported without named values") }
            return .text(try formatted(text, call.values))
        case "wordcount": return .integer(Self.countOfWords(text.string))
        default: return .text(try indented(text, call))
        }
    }

    private mutating func indented(_ text: TracedText, _ call: JinjaCall) throws(JinjaError) -> TracedText {
        let width = call.value(0, "width") ?? .integer(4)
        let indent: TracedText
        if case .text(let given) = width { indent = given } else {
            guard let count = width.integer, (0...1000).contains(count) else { throw failure("`indent` takes a number of blanks, or text") }
            indent = TracedText(String(repeating: " ", count: count))
        }
        let indentsFirst = call.value(1, "first")?.isTrue ?? false, indentsBlank = call.value(2, "blank")?.isTrue ?? false
        // A line feed is added before the cut, so that one at the end makes a line.
        try spend(text.count * 2)
        let lines = (text + TracedText("\n")).lines()
        try spend(lines.count * indent.count / 16)
        var result = TracedText()
        for (index, line) in lines.enumerated() {
            if index > 0 { result.append("\n") }
            if index == 0 ? indentsFirst : indentsBlank || !line.isEmpty { result.append(indent) }
            result.append(line)
        }
        return result
    }

    /// The filter `title`: unlike the method, it begins a word only after blanks, hyphens and opening brackets.
    private static func capitalizedWords(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = "", wasBetween: Bool?
        for (place, scalar) in scalars.enumerated() {
            let isBetween = scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
            result += wasBetween == isBetween ? String.lowercased(scalars, at: place) : scalar.properties.uppercaseMapping
            wasBetween = isBetween
        }
        return result
    }

    /// Stretches of letters, digits and `_`.
    private static func countOfWords(_ text: String) -> Int {
        var count = 0, isInside = false
        for scalar in text.unicodeScalars {
            let isWord = scalar == "_" || scalar.isPythonLetter || scalar.properties.numericType != nil
            if isWord, !isInside { count += 1 }
            isInside = isWord
        }
        return count
    }
}
