/// Everything that is wrong with a model's files, found in one go.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package struct Problem: Sendable, Hashable {
        /// Key of `config.json`, GGUF metadata key, or tensor name.
        package let place: String
        package let message: String
    }

    package let file: String
    package let problems: [Problem]

    package init(file: String, problems: [Problem]) {
        self.file = file
        self.problems = problems
    }

    package init(file: String, place: String, _ message: String) {
        self.init(file: file, problems: [Problem(place: place, message: message)])
    }

    package var description: String {
        var lines = problems.prefix(20).map { $0.place.isEmpty ? $0.message : "\($0.place): \($0.message)" }
        if problems.count > 20 { lines.append("and \(problems.count - 20) more") }
        return lines.count == 1 ? "\(file): \(lines[0])" : "\(file): \(lines.count) problems\n" + lines.map { "  " + $0 }.joined(separator: "\n")
    }
}
