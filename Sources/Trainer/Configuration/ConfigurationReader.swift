import Basics
import Storage

/// Gathers the mistakes found while a configuration is read, with their places.
package struct ConfigurationReader {
    /// The file as it is named in messages.
    package let file: String
    package private(set) var issues: [ConfigurationIssue] = []
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
        report("expected \(expected), found \(Self.described(json))\(Self.remedy(json, expected: expected))", key: key, at: json.position)
    }

    mutating func reportUnknown(_ member: JSON.Member, path: String, siblings: [String], hint: String?) {
        let message: String
        if let hint {
            message = "unknown key; \(hint)"
        } else if let elsewhere = knownKeys.first(where: { $0 == member.key || $0.hasSuffix(".\(member.key)") }), elsewhere != path {
            message =
                elsewhere == member.key
                ? "unknown key here; \"\(elsewhere)\" belongs at the top level"
                : "unknown key here; did you mean \"\(elsewhere)\"?"
        } else if let nearest = NearestName.of(member.key, among: siblings) {
            message = "unknown key; did you mean \"\(nearest)\"?"
        } else if siblings.count <= 10 {
            message = "unknown key; the keys here are \(siblings.joined(separator: ", "))"
        } else {
            message = "unknown key"
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

    /// How to repair the commonest kinds of wrong types: quotes too many or too few.
    private static func remedy(_ json: JSON, expected: String) -> String {
        switch json.value {
        case .string(let text):
            guard let json = try? JSONParser.parse(Array(text.utf8)) else { return "" }
            return switch json.value {
            case .integer, .number: expected.contains("number") ? "; write it without quotes" : ""
            case .bool: expected == Bool.expectation ? "; write it without quotes" : ""
            default: ""
            }
        case .integer, .number, .bool:
            return expected == String.expectation ? "; put it into double quotes" : ""
        case .null:
            return "; leave the key out for its default"
        default:
            return ""
        }
    }
}

extension JSON.Position {
    /// The place of values that come from `--set` rather than from the file.
    package static let commandLine = JSON.Position(line: 0, column: 0)
}
