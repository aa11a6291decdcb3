/// `value | filter`.
extension JinjaInterpreter {
    static let filters: Set<String> = [
        "abs", "attr", "batch", "capitalize", "count", "d", "default", "dictsort", "first", "float", "format", "groupby", "indent", "int", "items", "join", "last",
        "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "sort",
        "string", "sum", "title", "tojson", "trim", "unique", "upper", "wordcount",
    ]

    mutating func filter(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
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
        case "attr": return try attribute(try textArgument(call, 0).string, of: value)
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
        if let pair = call.value(2, "separators")?.elements, pair.count == 2 {
            (style.itemSeparator, style.keySeparator) = (try text(pair[0]).string, try text(pair[1]).string)
        }
        style.sortsKeys = call.value(3, "sort_keys")?.isTrue ?? false
        return style
    }

    private func length(_ value: JinjaValue) throws(JinjaError) -> Int {
        switch value {
        case .undefined: return 0
        case .text(let text): return text.scalarCount
        case .list(let elements), .tuple(let elements): return elements.count
        case .dictionary(let dictionary): return dictionary.entries.count
        case .loop(let loop): return loop.items.count
        default: throw failure("\(value.kind) has no length")
        }
    }

    private mutating func numberFilter(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch name {
        case "int":
            if case .number(let number) = value { return Int(exactly: number.rounded(.towardZero)).map { .integer($0) } ?? .integer(0) }
            if let integer = value.integer { return .integer(integer) }
            let spelled = try text(value).stripped().string
            let read = Int(spelled) ?? Double(spelled).flatMap { Int(exactly: $0.rounded(.towardZero)) }
            return read.map { .integer($0) } ?? call.value(0, "default") ?? .integer(0)
        case "float":
            if let number = value.double { return .number(number) }
            return Double(try text(value).stripped().string).map { .number($0) } ?? call.value(0, "default") ?? .number(0)
        case "abs":
            if let integer = value.integer, integer != .min { return .integer(abs(integer)) }
            guard let number = value.double else { throw failure("\(value.kind) has no absolute value") }
            return .number(abs(number))
        default:
            guard let number = value.double, call.value(0, "precision")?.integer ?? 0 == 0, call.value(1, "method") == nil else {
                throw failure(.unsupported, "`round` is supported for numbers, to whole ones")
            }
            return .number(number.rounded(.toNearestOrEven))
        }
    }

    private mutating func textFilter(_ name: String, _ text: TracedText, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        try spend(text.count / 16)
        switch name {
        case "upper": return .text(text.mapped { $0.uppercased() })
        case "lower": return .text(text.mapped { $0.lowercased() })
        case "title": return .text(text.mapped(Self.titled))
        case "capitalize": return .text(Self.capitalized(text))
        case "trim": return .text(try stripped(text, call.value(0, "chars") ?? .none, start: true, end: true))
        case "replace": return .text(try replaced(text, call))
        case "format": return .text(try formatted(text, call.values))
        case "wordcount": return .integer(text.splitAtSpace(limit: .max - 1, backwards: false).count)
        default: return .text(try indented(text, call))
        }
    }

    private func indented(_ text: TracedText, _ call: JinjaCall) throws(JinjaError) -> TracedText {
        let width = call.value(0, "width") ?? .integer(4)
        let indent: TracedText
        if case .text(let given) = width { indent = given } else {
            guard let count = width.integer, (0...1000).contains(count) else { throw failure("`indent` takes a number of blanks, or text") }
            indent = TracedText(String(repeating: " ", count: count))
        }
        let indentsFirst = call.value(1, "first")?.isTrue ?? false, indentsBlank = call.value(2, "blank")?.isTrue ?? false
        // A line feed is added before the cut, so that one at the end makes a line.
        let lines = (text + TracedText("\n")).lines()
        var result = TracedText()
        for (index, line) in lines.enumerated() {
            if index > 0 { result.append("\n") }
            if index == 0 ? indentsFirst : indentsBlank || !line.isEmpty { result.append(indent) }
            result.append(line)
        }
        return result
    }
}
