import Basics

/// Gathers the mistakes found while a configuration is read, with their places.
package struct ConfigurationReader {
    /// The file as it is named in messages.
    package let file: String
    package private(set) var issues: [ConfigurationIssue] = []
    /// Keys with a value that is not of their type, and does not stand for one of it either.
    private(set) var misfits: Set<String> = []
    /// The keys that exist anywhere, dotted; for "that key belongs elsewhere".
    private let knownKeys: [String]

    package init(file: String, knownKeys: [String] = []) {
        self.file = file
        self.knownKeys = knownKeys
    }

    package mutating func report(_ message: String, key: String, at position: JSON.Position) {
        issues.append(ConfigurationIssue(place: place(of: position), key: key, message: message))
    }

    package mutating func reportType(_ json: JSON, key: String, expected: String) {
        let hint = Self.word(json).flatMap { ForeignKeys.hint(forValue: $0, of: key) }
        let remedy = hint.map { "; \($0)" } ?? Self.remedy(json, key: key, expected: expected)
        // "3" stands for a number; but anything can be put into quotes.
        if !json.value.isNull, hint == nil, remedy.isEmpty || expected == String.expectation { misfits.insert(key) }
        report("expected \(expected), found \(Self.described(json))\(remedy)", key: key, at: json.position)
    }

    /// - Parameters:
    ///   - siblings: the keys of the group.
    ///   - takes: whether one of them takes a value of this type.
    mutating func reportUnknown(_ member: JSON.Member, path: String, siblings: [String], takes: (String) -> Bool) {
        let message: String
        if let hint = ForeignKeys.hint(for: path) {
            message = "unknown key; \(hint)"
        } else if let elsewhere = knownKeys.first(where: { $0 == member.key || $0.hasSuffix(".\(member.key)") }), elsewhere != path {
            message =
                elsewhere == member.key
                ? "unknown key here; \"\(elsewhere)\" belongs at the top level"
                : "unknown key here; did you mean \"\(elsewhere)\"?"
        } else if let nearest = NearestName.of(member.key, among: siblings.filter(takes)) {
            message = "unknown key; did you mean \"\(nearest)\"?"
        } else if siblings.count <= 10 {
            message = "unknown key; the keys here are \(siblings.joined(separator: ", "))"
        } else {
            message = "unknown key; configs/README.md lists those there are"
        }
        report(message, key: path, at: member.position)
    }

    /// Reports two keys of a group that exclude each other, at the one that comes later.
    mutating func reportContradiction(
        _ first: String, at firstPosition: JSON.Position, _ second: String, at secondPosition: JSON.Position, in keys: GivenKeys
    ) {
        // What the command line sets was written last.
        func order(_ position: JSON.Position) -> (Int, Int) {
            (position == .commandLine ? .max : position.line, position.column)
        }
        let inOrder = order(firstPosition) <= order(secondPosition)
        let (earlier, earlierPosition) = inOrder ? (first, firstPosition) : (second, secondPosition)
        let (later, laterPosition) = inOrder ? (second, secondPosition) : (first, firstPosition)
        let origin = earlierPosition == .commandLine ? "set before it" : "of line \(earlierPosition.line)"
        report(
            "contradicts \"\(earlier)\" \(origin); give one of them (null counts as not given)",
            key: keys.path(to: later), at: laterPosition)
    }

    func place(of position: JSON.Position) -> ConfigurationIssue.Place {
        position == .commandLine ? .commandLine : .line(file: file, line: position.line)
    }

    /// A value that is a single word.
    private static func word(_ json: JSON) -> String? {
        switch json.value {
        case .string(let text): text
        case .bool, .integer, .number: json.text()
        case .null, .array, .object: nil
        }
    }

    /// What stands there, in a few words.
    static func described(_ json: JSON) -> String {
        switch json.value {
        case .null: return "null"
        case .bool, .integer, .number: return json.text()
        case .string(let text): return "the text " + JSON(.string(text.count > 40 ? text.prefix(40) + "..." : text)).text()
        case .array: return "a list [ ... ]"
        case .object: return "a group { ... }"
        }
    }

    /// How to repair the commonest kinds of wrong types: quotes too many or too few, words and numbers of YAML, one thing for a list.
    private static func remedy(_ json: JSON, key: String, expected: String) -> String {
        switch json.value {
        case .string where expected.hasPrefix("a list"): return key.hasSuffix("datasets") ? "; write [{\"path\": \(json.text())}]" : "; write [\(json.text())]"
        case .string where key.hasSuffix("]") && key.contains("datasets[") && expected.hasPrefix("a group"): return "; write {\"path\": \(json.text())}"
        case .string(let text): return remedy(text, expected: expected)
        case .integer(let number) where expected == Bool.expectation && (number == 0 || number == 1): return "; write \(number == 1)"
        case .number(let number) where expected == Int.expectation && number > 0 && number < 1:
            return "; a share of all steps is not taken, give a number"
        case .integer, .number, .bool: return expected == String.expectation ? "; put it into double quotes" : ""
        case .null: return "; leave the key out for its default"
        default: return ""
        }
    }

    private static func remedy(_ text: String, expected: String) -> String {
        let word = text.lowercased()
        if ["none", "null", "~", "nil", ""].contains(word) { return "; leave the key out for its default" }
        if expected == Bool.expectation {
            if ["true", "yes", "on", "1"].contains(word) { return "; write true, without quotes" }
            if ["false", "no", "off", "0"].contains(word) { return "; write false, without quotes" }
        }
        guard expected.contains("number") else { return "" }
        // 1_000, 1,000 and 10 %.
        let plain = word.filter { !"_, ".contains($0) }, percent = plain.hasSuffix("%") ? Double(plain.dropLast()).map { $0 / 100 } : nil
        guard let number = percent ?? Double(plain), number.isFinite else { return "" }
        if percent != nil, expected == Int.expectation { return "" }
        return "; write \(JSON(.number(number)).text()), without quotes"
    }
}

extension JSON.Position {
    /// The place of values that come from `--set` rather than from the file.
    package static let commandLine = JSON.Position(line: 0, column: 0)
}
