import ArgumentParser
import Basics
import HealData
import Trainer

/// `--columns`: what `columns` is to a data set of a configuration, written as `field=column,field=column` or as its JSON.
enum ColumnOption {
    static let help = ArgumentHelp(
        "The column of each field of the format where it has another name, such as prompt=question,completion=answer; names with a comma in them as JSON: {\"prompt\": \"q, a\"}.",
        valueName: "columns")

    /// - Throws: every mistake in the text.
    static func parse(_ text: String) throws -> ColumnNames {
        var reader = ConfigurationReader(file: "--columns")
        let names = ColumnNames.read(try json(text), key: "--columns", reader: &reader)
        guard let names, reader.issues.isEmpty else {
            throw ValidationError(reader.issues.map { "\($0.key): \($0.message)" }.joined(separator: "\n"))
        }
        return names
    }

    private static func json(_ text: String) throws -> JSON {
        if text.first == "{" {
            do { return try JSONParser.parse(Array(text.utf8)) } catch { throw ValidationError("--columns: \(error.message) (column \(error.position.column))") }
        }
        var members: [(String, JSON)] = []
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard sides.count == 2 else {
                throw ValidationError("--columns: expected field=column, such as prompt=question,completion=answer; found \(JSON(.string(String(pair))).text())")
            }
            guard !members.contains(where: { $0.0 == sides[0] }) else { throw ValidationError("--columns: the field \"\(sides[0])\" stands there twice") }
            members.append((sides[0], JSON(.string(sides[1]))))
        }
        return .object(members)
    }
}
