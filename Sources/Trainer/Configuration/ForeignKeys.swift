import Basics

/// Looks up what somebody who comes from another trainer wrote, so that the message says what to write here.
package enum ForeignKeys {
    /// One line of the table of keys.
    package struct Entry: Sendable {
        /// Dotted, in small letters; a name may begin or end with `*`.
        package let names: [String]
        /// The keys that do it here, dotted; empty where nothing does.
        package let own: [String]
        let words: String
    }

    package static let entries = ForeignKeyTable.keys.split(separator: "\n").map { line in
        let columns = columns(line)
        return Entry(
            names: columns[0].split(separator: " ").map(String.init), own: columns[1].split(separator: ",").map { trimmed($0[...]) }, words: columns[2])
    }

    /// Values by the key they stand behind.
    static let values = ForeignKeyTable.values.split(separator: "\n").map { line in
        let columns = columns(line), words = columns[0].split(separator: " ").map(String.init)
        return (key: words[0], values: Array(words.dropFirst()), words: columns[1])
    }

    /// What to say about a key that does not exist; nil for one of no other trainer.
    ///
    /// - Parameter path: dotted, with the groups around it; indices of lists do not count.
    package static func hint(for path: String) -> String? {
        guard let entry = entry(for: path) else { return nil }
        if entry.own.isEmpty { return entry.words }
        // A key of the same group is named as it is written there.
        let group = folded(path).split(separator: ".").dropLast().joined(separator: ".")
        let names = entry.own.map { "\"\($0.hasPrefix(group + ".") ? String($0.dropFirst(group.count + 1)) : $0)\"" }.joined(separator: " and ")
        if entry.words.hasPrefix("(") { return "did you mean \(names) \(entry.words)?" }
        if entry.words.hasPrefix(",") { return "did you mean \(names)\(entry.words)?" }
        return "did you mean \(names)?" + (entry.words.isEmpty ? "" : " " + entry.words)
    }

    /// What to say about a value that is none of a key's; nil for one of no other trainer.
    package static func hint(forValue value: String, of path: String) -> String? {
        let key = folded(path), value = folded(value)
        return values.first { entry in entry.key == key && entry.values.contains { matches($0, value) } }?.words
    }

    private static func entry(for path: String) -> Entry? {
        let path = folded(path)
        return entries.first { $0.names.contains(path) } ?? entries.first { $0.names.contains { matches($0, path) } }
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        if pattern.hasSuffix("*") { return name.hasPrefix(pattern.dropLast()) }
        if pattern.hasPrefix("*") { return name.hasSuffix(pattern.dropFirst()) }
        return pattern == name
    }

    /// Small letters, `_` for `-`, no indices.
    private static func folded(_ path: String) -> String { path.lowercased().replacing("-", with: "_").replacing(#/\[[0-9]+\]/#, with: "") }

    private static func columns(_ line: Substring) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).map(trimmed) + ["", ""]
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
