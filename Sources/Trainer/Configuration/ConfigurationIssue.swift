/// One mistake in a configuration: where it is and what to do about it.
package struct ConfigurationIssue: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Place: Sendable, Equatable {
        case file(String)
        case line(file: String, line: Int)
        /// A `--set key=value` of the command line.
        case commandLine
    }

    package var place: Place
    /// The key with the groups around it, as in `compression.rules[1].keep`; empty where no key is meant.
    package var key: String
    package var message: String

    package init(place: Place, key: String, message: String) {
        self.place = place
        self.key = key
        self.message = message
    }

    /// `configs/x.json:14: compression.kep: unknown key; did you mean "keep"?`
    package var description: String {
        let subject = key.isEmpty ? "" : "\(key): "
        return switch place {
        case .file(let file): "\(file): \(subject)\(message)"
        case .line(let file, let line): "\(file):\(line): \(subject)\(message)"
        case .commandLine: key.isEmpty ? "--set: \(message)" : "--set \(subject)\(message)"
        }
    }
}

/// All mistakes of a configuration at once, in the order of the file.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    package var issues: [ConfigurationIssue]

    package init(_ issues: [ConfigurationIssue]) { self.issues = issues }

    /// One mistake a line.
    package var description: String {
        issues.map(\.description).joined(separator: "\n")
    }
}
