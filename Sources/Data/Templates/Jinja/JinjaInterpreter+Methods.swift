/// Methods of Python's texts, lists and dictionaries. Those that change a value are refused, as in the sandbox of the reference.
extension JinjaInterpreter {
    /// Parameters as in `filters`; those without a name have a place only.
    static let textMethods: [String: [String]?] = [
        "strip": [""], "lstrip": [""], "rstrip": [""], "split": ["sep", "maxsplit"], "rsplit": ["sep", "maxsplit"], "splitlines": ["keepends"],
        "startswith": [""], "endswith": [""], "upper": [], "lower": [], "title": [], "capitalize": [], "replace": ["", "", ""], "find": [""], "rfind": [""],
        "index": [""], "count": [""], "join": [""], "isdigit": [], "isalpha": [], "isalnum": [], "isspace": [], "isupper": [], "islower": [],
        "removeprefix": [""], "removesuffix": [""], "format": nil, "partition": [""], "rpartition": [""],
    ]
    /// Those of Python that are refused when they are called.
    static let otherTextMethods: Set<String> = [
        "zfill", "ljust", "rjust", "center", "swapcase", "encode", "casefold", "expandtabs", "format_map", "isascii", "isdecimal", "isidentifier", "isnumeric",
        "isprintable", "istitle", "maketrans", "rindex", "translate",
    ]
    static let listMethods: [String: [String]?] = [
        "index": [""], "count": [""], "copy": [], "append": nil, "extend": nil, "insert": nil, "pop": nil, "remove": nil, "reverse": nil, "sort": nil, "clear": nil,
    ]
    static let dictionaryMethods: [String: [String]?] = [
        "get": ["", ""], "items": [], "keys": [], "values": [], "copy": [], "update": nil, "pop": nil, "popitem": nil, "setdefault": nil, "clear": nil,
        "fromkeys": nil,
    ]

    mutating func method(_ name: String, of dictionary: JinjaDictionary, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch name {
        case "get":
            guard let key = arguments.values.first, key.isHashable else { throw failure("`get` wants a key") }
            return dictionary[key] ?? arguments.value(1, "default") ?? .none
        case "items": return try weighed(.iterable(JinjaIterable(.view, dictionary.entries.map { .tuple([$0.key, $0.value]) })))
        case "keys": return .iterable(JinjaIterable(.view, dictionary.entries.map(\.key)))
        case "values": return .iterable(JinjaIterable(.view, dictionary.entries.map(\.value)))
        case "copy": return .dictionary(dictionary)
        default: throw failure(.unsupported, "`.\(name)()` changes an object, which a chat template may not")
        }
    }

    mutating func method(_ name: String, of elements: [JinjaValue], _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch name {
        case "copy": return .list(elements)
        case "count":
            try weigh(all: elements)
            return .integer(elements.count { arguments.values.first == $0 })
        case "index":
            try weigh(all: elements)
            guard let place = elements.firstIndex(where: { arguments.values.first == $0 }) else { throw failure("`index` of what is not in the list") }
            return .integer(place)
        default: throw failure(.unsupported, "`.\(name)()` changes a list, which a chat template may not")
        }
    }

    mutating func method(_ name: String, of text: TracedText, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch name {
        case "strip", "lstrip", "rstrip":
            return .text(try stripped(text, arguments.values.first ?? .none, start: name != "rstrip", end: name != "lstrip"))
        case "split", "rsplit": return .list(try split(text, arguments, backwards: name == "rsplit"))
        case "splitlines":
            try spend(text.count * 2)
            return .list(text.lines(keepingEnds: arguments.value(0, "keepends")?.isTrue ?? false).map { .text($0) })
        case "startswith": return .bool(try affixes(arguments).contains { text.bytes.starts(with: $0) })
        case "endswith": return .bool(try affixes(arguments).contains { text.bytes.reversed().starts(with: $0.reversed()) })
        case "upper": return .text(text.mapped { $0.uppercased() })
        case "lower": return .text(text.mapped { $0.pythonLowercased })
        case "title": return .text(text.mapped(Self.titled))
        case "capitalize": return .text(Self.capitalized(text))
        case "replace": return .text(try replaced(text, try textArgument(arguments, 0), try textArgument(arguments, 1), arguments.value(2, "")))
        case "join":
            let parts = try elements(of: try argument(arguments, 0))
            for part in parts { guard case .text = part else { throw failure("`join` takes texts, not \(part.kind)") } }
            return .text(try joined(parts, with: text))
        case "removeprefix": return .text(try withoutAffix(text, try textArgument(arguments, 0), atEnd: false))
        case "removesuffix": return .text(try withoutAffix(text, try textArgument(arguments, 0), atEnd: true))
        case "find", "rfind", "index", "count": return .integer(try place(name, in: text, try textArgument(arguments, 0)))
        case "partition", "rpartition": return .tuple(try partition(text, try textArgument(arguments, 0), backwards: name == "rpartition"))
        case "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower": return .bool(Self.holds(name, text.string))
        case "format": return .text(try formatted(text, arguments))
        default: throw failure(.unsupported, "the method `.\(name)()` of text is not supported")
        }
    }

    private func argument(_ arguments: JinjaCall, _ place: Int) throws(JinjaError) -> JinjaValue {
        guard place < arguments.values.count else { throw failure("an argument is missing") }
        return arguments.values[place]
    }

    func textArgument(_ arguments: JinjaCall, _ place: Int) throws(JinjaError) -> TracedText {
        let value = try argument(arguments, place)
        guard case .text(let text) = value else { throw failure("text is wanted here, not \(value.kind)") }
        return text
    }

    private func affixes(_ arguments: JinjaCall) throws(JinjaError) -> [[UInt8]] {
        if case .tuple(let parts)? = arguments.values.first {
            var affixes: [[UInt8]] = []
            for part in parts {
                guard case .text(let text) = part else { throw failure("a text begins or ends with text, not with \(part.kind)") }
                affixes.append(text.bytes)
            }
            return affixes
        }
        return [try textArgument(arguments, 0).bytes]
    }

    /// Without white space at the ends, or without the characters of a text.
    func stripped(_ text: TracedText, _ characters: JinjaValue, start: Bool, end: Bool) throws(JinjaError) -> TracedText {
        switch characters {
        case .none: return text.stripped(start: start, end: end)
        case .text(let set):
            let scalars = Set(set.string.unicodeScalars)
            return text.stripped(start: start, end: end) { scalars.contains($0) }
        default: throw failure("what is stripped is text, not \(characters.kind)")
        }
    }

    private mutating func split(_ text: TracedText, _ arguments: JinjaCall, backwards: Bool) throws(JinjaError) -> [JinjaValue] {
        try spend(text.count * 2)
        guard let wanted = (arguments.value(1, "maxsplit") ?? .integer(-1)).integer else { throw failure("`maxsplit` is a whole number") }
        let limit = wanted < 0 ? .max : wanted
        switch arguments.value(0, "sep") ?? .none {
        case .none: return text.splitAtSpace(limit: limit, backwards: backwards).map { .text($0) }
        case .text(let separator):
            guard !separator.isEmpty else { throw failure("an empty text separates nothing") }
            return text.split(separator.bytes, limit: limit, backwards: backwards).map { .text($0) }
        case let other: throw failure("what separates is text, not \(other.kind)")
        }
    }

    mutating func replaced(_ text: TracedText, _ old: TracedText, _ new: TracedText, _ count: JinjaValue?) throws(JinjaError) -> TracedText {
        var limit = Int.max
        if let count {
            if case .none = count {} else if let count = count.integer { limit = count < 0 ? .max : count } else { throw failure("`replace` takes a number of times, not \(count.kind)") }
        }
        // Twice the work, so that no text is made before it is known to be small enough.
        let places = old.isEmpty ? min(text.count + 1, limit) : text.occurrences(of: old.bytes, limit: limit).count
        try spend(text.count / 4 + places * (new.count / 16 + 1))
        return text.replacing(old, with: new, limit: limit)
    }

    mutating func joined(_ parts: [JinjaValue], with separator: TracedText) throws(JinjaError) -> TracedText {
        var whole = TracedText()
        for (index, part) in parts.enumerated() {
            let next = try text(part)
            try spend((separator.count + next.count) / 16)
            if index > 0 { whole.append(separator) }
            whole.append(next)
        }
        return whole
    }

    private func withoutAffix(_ text: TracedText, _ affix: TracedText, atEnd: Bool) throws(JinjaError) -> TracedText {
        if atEnd { return text.bytes.reversed().starts(with: affix.bytes.reversed()) ? text[0..<text.count - affix.count] : text }
        return text.bytes.starts(with: affix.bytes) ? text[affix.count..<text.count] : text
    }

    private func place(_ name: String, in text: TracedText, _ pattern: TracedText) throws(JinjaError) -> Int {
        if name == "count" { return pattern.isEmpty ? text.scalarCount + 1 : text.occurrences(of: pattern.bytes).count }
        let byte = name == "rfind" ? text.split(pattern.bytes, limit: 1, backwards: true) : []
        let found = name == "rfind" ? (byte.count > 1 ? byte[0].count : nil) : text.find(pattern.bytes)
        guard let found else {
            if name == "index" { throw failure("`index` of what is not in the text") }
            return -1
        }
        return text[0..<found].scalarCount
    }

    private func partition(_ text: TracedText, _ separator: TracedText, backwards: Bool) throws(JinjaError) -> [JinjaValue] {
        guard !separator.isEmpty else { throw failure("an empty text separates nothing") }
        let parts = text.split(separator.bytes, limit: 1, backwards: backwards)
        guard parts.count == 2 else { return backwards ? [.string(""), .string(""), .text(text)] : [.text(text), .string(""), .string("")] }
        return [.text(parts[0]), .text(separator), .text(parts[1])]
    }

    static func holds(_ name: String, _ text: String) -> Bool {
        let scalars = text.unicodeScalars
        guard !scalars.isEmpty else { return false }
        switch name {
        case "isdigit": return scalars.allSatisfy { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
        case "isalpha": return scalars.allSatisfy(\.isPythonLetter)
        case "isalnum": return scalars.allSatisfy { $0.isPythonLetter || $0.properties.numericType != nil }
        case "isspace": return scalars.allSatisfy(\.isPythonSpace)
        case "isupper": return scalars.contains { $0.properties.isUppercase } && !scalars.contains { $0.properties.isLowercase }
        default: return scalars.contains { $0.properties.isLowercase } && !scalars.contains { $0.properties.isUppercase }
        }
    }

    /// Each run of letters with a capital in front.
    static func titled(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = "", isInside = false
        for (place, scalar) in scalars.enumerated() {
            let isCased = scalar.properties.isCased
            result += !isCased ? String(scalar) : isInside ? String.lowercased(scalars, at: place) : scalar.properties.titlecaseMapping
            isInside = isCased
        }
        return result
    }

    static func capitalized(_ text: TracedText) -> TracedText {
        let starts = text.scalarStarts
        guard starts.count > 1 else { return text }
        return text[0..<starts[1]].mapped { $0.unicodeScalars.reduce("") { $0 + $1.properties.titlecaseMapping } } + text[starts[1]..<text.count].mapped { $0.pythonLowercased }
    }

    /// `format`, with `{}`, `{0}` and `{name}` as places.
    private mutating func formatted(_ format: TracedText, _ arguments: JinjaCall) throws(JinjaError) -> TracedText {
        var result = TracedText(), place = 0, next = 0, isNumbered = false
        while place < format.count {
            let byte = format.bytes[place]
            let isDoubled = place + 1 < format.count && format.bytes[place + 1] == byte
            if byte == UInt8(ascii: "{"), !isDoubled {
                guard let end = format.find([UInt8(ascii: "}")], from: place) else { throw failure("a `{` in the text is never closed") }
                let key = format[place + 1..<end].string, number = key.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(key) : nil
                let value = key.isEmpty ? arguments.values.dropFirst(next).first : number.map { arguments.values.dropFirst($0).first } ?? arguments.value(.max, key)
                guard let value else { throw failure(.unsupported, "the place `{\(key)}` in a text is not supported, or has no value") }
                if key.isEmpty { next += 1 }
                isNumbered = isNumbered || number != nil
                guard !isNumbered || next == 0 else { throw failure("places with and without a number in one text") }
                let part = try text(value)
                try spend(1 + part.count / 16)
                result.append(part)
                place = end + 1
            } else if byte != UInt8(ascii: "{"), byte != UInt8(ascii: "}") {
                let end = format.bytes[place...].firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") } ?? format.count
                result.append(format[place..<end])
                place = end
            } else {
                guard isDoubled else { throw failure("a `}` in the text closes nothing") }
                result.append(format[place..<place + 1])
                place += 2
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    var isPythonLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
}

extension String {
    /// `str.lower()`.
    var pythonLowercased: String {
        guard unicodeScalars.contains("Σ") else { return lowercased() }
        let scalars = Array(unicodeScalars)
        return scalars.indices.reduce(into: "") { $0 += Self.lowercased(scalars, at: $1) }
    }

    /// A scalar in small letters; a sigma at the end of a word has a form of its own.
    static func lowercased(_ scalars: [Unicode.Scalar], at place: Int) -> String {
        guard scalars[place] == "Σ" else { return scalars[place].properties.lowercaseMapping }
        let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }, after = scalars[(place + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased ?? false && !(after?.properties.isCased ?? false) ? "ς" : "σ"
    }
}
