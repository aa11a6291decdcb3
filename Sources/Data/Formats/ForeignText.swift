/// Text that is not JSON lines: what it looks like, and how to turn it into rows.
enum ForeignText {
    /// A guess from a file's first lines, none of which is a JSON object; nil where it looks like nothing known.
    static func complaint(lines: [[UInt8]]) -> String? {
        guard let first = lines.first.map({ String(decoding: $0.prefix(4096), as: UTF8.self).strippedLikePython() }) else { return nil }
        if first == "{" || (first.hasPrefix("{") && first.hasSuffix(",") && lines.count > 1) {
            return "a JSON object goes over several lines; each row must stand on one line: jq -c . FILE > rows.jsonl"
        }
        let start = first.prefix(40).lowercased()
        if start.hasPrefix("<") { return "the file looks like XML; write its rows as JSON lines" }
        if start.hasPrefix("{'") || start.hasPrefix("[{'") {
            return "the rows look like Python's dictionaries (single quotes); write them with json.dumps(row), not with str(row): "
                + "python3 -c 'import ast, json, sys; [print(json.dumps(ast.literal_eval(l))) for l in sys.stdin]' < FILE > rows.jsonl"
        }
        if start.hasPrefix("---") || start.hasPrefix("- ") || start.hasPrefix("%yaml") || isKeyAndValue(first) {
            return "the file looks like YAML; write its rows as JSON lines: "
                + "python3 -c 'import json, sys, yaml; [print(json.dumps(r)) for r in yaml.safe_load(sys.stdin)]' < FILE > rows.jsonl"
        }
        if start.hasPrefix("{") || start.hasPrefix("[") || start.hasPrefix("\"") { return nil }
        return table(first) ?? "the file looks like plain text; name it .txt to train on it as it is"
    }

    private static func table(_ header: String) -> String? {
        for (separator, name, option) in [("\t", "TSV", ", sep=\"\\t\""), (",", "CSV", ""), (";", "CSV", ", sep=\";\"")] as [(Character, String, String)]
        where header.contains(separator) && !header.contains(". ") {
            return "the file looks like \(name) (a table in text); write its rows as JSON lines: "
                + "python3 -c 'import pandas; pandas.read_csv(\"FILE\"\(option)).to_json(\"rows.jsonl\", orient=\"records\", lines=True)'"
        }
        return nil
    }

    /// `key: value`, the key a single word.
    private static func isKeyAndValue(_ line: String) -> Bool {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return false }
        let after = line[line.index(after: colon)...]
        return line[..<colon].allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" } && (after.isEmpty || after.hasPrefix(" "))
    }
}
