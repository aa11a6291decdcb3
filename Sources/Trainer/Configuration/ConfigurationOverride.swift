import Basics

/// One `--set key=value` of the command line: `compression.keep=0.4`, `datasets[0].weight=2`, `output_dir=runs/second`.
package struct ConfigurationOverride: Sendable {
    package var path: [Component]
    package var value: JSON

    package enum Component: Sendable, Equatable {
        case key(String)
        case index(Int)
    }

    /// - Throws: a description of what is wrong with the text.
    package init(_ text: String) throws(ConfigurationIssue) {
        func mistake(_ message: String, key: String = "") -> ConfigurationIssue {
            ConfigurationIssue(place: .commandLine, key: key, message: message)
        }
        guard let equals = text.firstIndex(of: "=") else {
            throw mistake("expected key=value, found \(JSON(.string(text)).text())")
        }
        let key = String(text[..<equals])
        guard let path = Self.path(key) else { throw mistake("\(JSON(.string(key)).text()) is no key; expected something like compression.keep") }
        self.path = path
        value = try Self.value(String(text[text.index(after: equals)...]), key: key)
    }

    /// The value is JSON where it is JSON, else text. What starts like a list, a group or a quoted text has to be well-formed.
    private static func value(_ text: String, key: String) throws(ConfigurationIssue) -> JSON {
        do {
            return try JSONParser.parse(Array(text.utf8)).movedToCommandLine()
        } catch {
            if let first = text.first, "[{\"".contains(first) {
                throw ConfigurationIssue(place: .commandLine, key: key, message: "\(error.message) (column \(error.position.column) of the value)")
            }
            return JSON(.string(text), at: .commandLine)
        }
    }

    /// Splits `datasets[0].path`; `datasets.0.path` means the same.
    private static func path(_ text: String) -> [Component]? {
        var path: [Component] = []
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            guard let name = pieces.first, !name.isEmpty, !name.contains("]") else { return nil }
            path.append(!path.isEmpty && name.allSatisfy(\.isASCIIDigit) ? .index(Int(name) ?? .max) : .key(String(name)))
            for piece in pieces.dropFirst() {
                guard piece.last == "]", let index = Int(piece.dropLast()), index >= 0 else { return nil }
                path.append(.index(index))
            }
        }
        return path
    }

    /// Puts the value into its place; groups on the way are made where they are missing.
    package func apply(to json: inout JSON) throws(ConfigurationIssue) {
        try Self.set(value, path[...], in: &json, walked: "")
    }

    private static func set(_ value: JSON, _ path: ArraySlice<Component>, in json: inout JSON, walked: String) throws(ConfigurationIssue) {
        guard let component = path.first else {
            json = value
            return
        }
        func mistake(_ message: String) -> ConfigurationIssue {
            ConfigurationIssue(place: .commandLine, key: walked, message: message)
        }
        switch component {
        case .key(let key):
            if json.value.isNull { json = JSON(.object([]), at: .commandLine) }
            guard var members = json.members else {
                throw mistake("is \(ConfigurationReader.described(json)); it has no key \"\(key)\"")
            }
            let path = path.dropFirst()
            let name = walked.isEmpty ? key : "\(walked).\(key)"
            if let index = members.firstIndex(where: { $0.key == key }) {
                try set(value, path, in: &members[index].value, walked: name)
                if path.isEmpty { members[index].position = .commandLine }
            } else {
                var member = JSON.Member(key: key, position: .commandLine, value: JSON(.null, at: .commandLine))
                try set(value, path, in: &member.value, walked: name)
                members.append(member)
            }
            json.value = .object(members)
        case .index(let index):
            guard var elements = json.elements else {
                throw mistake("is \(ConfigurationReader.described(json)); it has no entry [\(index)]")
            }
            guard elements.indices.contains(index) else {
                let range = elements.isEmpty ? "the list is empty" : "the list has [0] to [\(elements.count - 1)]"
                throw mistake("there is no entry [\(index)]; \(range)")
            }
            try set(value, path.dropFirst(), in: &elements[index], walked: "\(walked)[\(index)]")
            json.value = .array(elements)
        }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
}

extension JSON {
    /// The same value, said to come from the command line.
    fileprivate func movedToCommandLine() -> JSON {
        let value: Value =
            switch value {
            case .array(let elements): .array(elements.map { $0.movedToCommandLine() })
            case .object(let members):
                .object(members.map { Member(key: $0.key, position: .commandLine, value: $0.value.movedToCommandLine()) })
            default: value
            }
        return JSON(value, at: .commandLine)
    }
}
