import Basics

/// A glob over the names of weights in a checkpoint, such as `model.layers.3.mlp.down_proj`.
///
/// `*` stands for any run of characters (dots too), `?` for one character and `{a,b}` for either text. A pattern has to match the whole name or its
/// last parts from a dot on: `down_proj`, `mlp.*` and `*.layers.0.*` all match the name above. A final `.weight` of the name may be left out.
package struct NamePattern: Sendable, Equatable {
    package let text: String
    /// The pattern with its braces multiplied out.
    private let alternatives: [[UInt8]]

    /// Patterns whose braces multiply to more than this are refused.
    private static let maximumAlternatives = 64

    /// What is wrong with a text that is no pattern.
    package struct Mistake: Error { package let message: String }

    package init(_ text: String) throws(Mistake) {
        if text.isEmpty { throw Mistake(message: "an empty pattern matches nothing; \"*\" matches everything") }
        if let sign = text.first(where: { "\\^$()|+[]".contains($0) }) {
            throw Mistake(message: "\"\(sign)\" has no meaning in a pattern; *, ? and {a,b} do (this is a glob, not a regular expression)")
        }
        self.text = text
        alternatives = try Self.expanded(Array(text.utf8))
    }

    package func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        let weight = Array(".weight".utf8)
        let short = bytes.count > weight.count && bytes.suffix(weight.count) == weight[...] ? bytes.dropLast(weight.count) : nil
        return alternatives.contains { pattern in
            Self.matchesTail(pattern, bytes[...]) || short.map { Self.matchesTail(pattern, $0) } ?? false
        }
    }

    private static func matchesTail(_ pattern: [UInt8], _ name: ArraySlice<UInt8>) -> Bool {
        if matchesAll(pattern, name) { return true }
        return name.indices.contains { name[$0] == UInt8(ascii: ".") && matchesAll(pattern, name[($0 + 1)...]) }
    }

    /// Glob matching that goes back to the last star only, so its cost is at most the product of the lengths.
    private static func matchesAll(_ pattern: [UInt8], _ name: ArraySlice<UInt8>) -> Bool {
        var p = 0
        var n = name.startIndex
        var afterStar: (pattern: Int, name: Int)?
        while n < name.endIndex {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                p += 1
                afterStar = (p, n)
            } else if p < pattern.count, pattern[p] == name[n] || pattern[p] == UInt8(ascii: "?") {
                p += 1
                n += 1
            } else if let star = afterStar {
                p = star.pattern
                n = star.name + 1
                afterStar = (p, n)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func expanded(_ text: [UInt8]) throws(Mistake) -> [[UInt8]] {
        var done: [[UInt8]] = [[]]
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"):
                guard let end = text[index...].firstIndex(of: UInt8(ascii: "}")) else { throw Mistake(message: "the { is never closed") }
                let inside = text[(index + 1)..<end]
                if inside.contains(UInt8(ascii: "{")) { throw Mistake(message: "{ } inside { } is not possible") }
                let choices = inside.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                guard done.count * choices.count <= maximumAlternatives else {
                    throw Mistake(message: "its { } stand for more than \(maximumAlternatives) texts")
                }
                done = done.flatMap { start in choices.map { start + $0 } }
                index = end + 1
            case UInt8(ascii: "}"): throw Mistake(message: "the } was never opened")
            case let byte:
                for alternative in done.indices { done[alternative].append(byte) }
                index += 1
            }
        }
        return done
    }
}

extension NamePattern: SettingValue {
    package static var expectation: String { "a name pattern in double quotes" }
    package var json: JSON { JSON(.string(text)) }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> NamePattern? {
        guard case .string(let text) = json.value else {
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
        do {
            return try NamePattern(text)
        } catch {
            reader.report("\(json.text()): \(error.message)", key: key, at: json.position)
            return nil
        }
    }
}

extension NamePattern {
    /// A pattern of the source code; it is known to be well formed.
    init(known text: StaticString) {
        do { self = try NamePattern("\(text)") } catch { preconditionFailure("\(text): \(error.message)") }
    }
}
