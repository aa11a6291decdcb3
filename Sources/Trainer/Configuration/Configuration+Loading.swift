import Basics
import Foundation

extension Configuration {
    /// Configuration files are small; a larger one is something else.
    private static let maximumBytes = 4 << 20

    /// Reads a configuration file and applies `--set key=value` texts to it, in their order.
    ///
    /// - Throws: every mistake of the file and of the overrides at once. Whether the model and the data are there is the matter of
    ///   `checkPaths()`.
    package static func load(path: String, overrides: [String] = []) throws(ConfigurationError) -> Configuration {
        func mistake(_ message: String) -> ConfigurationError {
            ConfigurationError([ConfigurationIssue(place: .file(path), key: "", message: message)])
        }
        guard let kind = FileSystem.kind(of: path) else { throw mistake("no such file\(HubName.advice(for: path).map { "; \($0)" } ?? neighbours(of: path))") }
        if kind == .directory { throw mistake("is a directory; expected a configuration file\(neighbours(of: path + "/x"))") }
        let contents: [UInt8]
        // A pipe is read, too, as a shell's <(...) makes one.
        do throws(StorageError) { contents = try FileSystem.stream(path, limit: maximumBytes) } catch { throw mistake(error.reason) }
        return try parse(contents, file: path, overrides: overrides)
    }

    /// Reads a configuration from its text.
    ///
    /// - Parameter file: the name to use in messages; the folder above the file's own is where relative paths are looked for.
    package static func parse(_ bytes: [UInt8], file: String, overrides: [String] = []) throws(ConfigurationError) -> Configuration {
        let (parsed, syntax) = JSONParser.read(bytes)
        if parsed == nil, let language = ConfigurationLanguage.of(bytes, file: file) {
            throw ConfigurationError([ConfigurationIssue(place: .file(file), key: "", message: language.advice(for: file))])
        }
        var issues = syntax.map {
            ConfigurationIssue(place: .line(file: file, line: $0.position.line), key: "", message: $0.message)
        }
        var reader = ConfigurationReader(file: file, knownKeys: nestedKeys.map(\.name))
        var configuration: Configuration?
        if var json = parsed {
            for text in overrides {
                do {
                    try ConfigurationOverride(text).apply(to: &json)
                } catch {
                    issues.append(error)
                }
            }
            configuration = Configuration.read(json, key: "", reader: &reader)
            configuration?.origin.positions = positions(in: json)
        }
        issues += reader.issues
        if let configuration, issues.isEmpty { return configuration }
        throw ConfigurationError(inOrder(issues))
    }

    /// The configuration with all defaults filled in, as JSON with sorted keys: what a checkpoint stores. `parse` reads it back.
    package var canonicalText: String { json.text(indented: true) + "\n" }

    private static func inOrder(_ issues: [ConfigurationIssue]) -> [ConfigurationIssue] {
        func line(_ issue: ConfigurationIssue) -> Int {
            switch issue.place {
            case .file: 0
            case .line(_, let line): line
            case .commandLine: .max
            }
        }
        return issues.enumerated().sorted { (line($0.element), $0.offset) < (line($1.element), $1.offset) }.map(\.element)
    }

    /// The place of every key that has a value other than `null`, by its dotted path.
    package static func positions(in json: JSON) -> [String: JSON.Position] {
        var positions: [String: JSON.Position] = [:]
        func walk(_ json: JSON, _ path: String) {
            for member in json.members ?? [] where !member.value.value.isNull {
                let key = path.isEmpty ? member.key : "\(path).\(member.key)"
                positions[key] = member.position
                walk(member.value, key)
            }
            for (index, element) in (json.elements ?? []).enumerated() {
                positions["\(path)[\(index)]"] = element.position
                walk(element, "\(path)[\(index)]")
            }
        }
        walk(json, "")
        return positions
    }

    /// The configuration files that do exist beside a missing one.
    private static func neighbours(of path: String) -> String {
        let folder = FileSystem.parent(of: path)
        let names = ((try? FileSystem.names(in: folder)) ?? [])
            .filter { $0.hasSuffix(".json") }.sorted()
        if let nearest = NearestName.of(FileSystem.name(of: path), among: names) { return "; did you mean \(folder == "." ? nearest : (folder as NSString).appendingPathComponent(nearest))?" }
        return names.isEmpty || names.count > 10 ? "" : "; there are \(names.joined(separator: ", "))"
    }
}

extension Configuration: Equatable {
    /// Equal in every key; where they were read from does not count.
    package static func == (left: Configuration, right: Configuration) -> Bool {
        left.json == right.json
    }
}
