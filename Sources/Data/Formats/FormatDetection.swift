/// Tells a file's format from its first rows.
///
/// Every inspected row that has the keys of some format must agree on one; nothing is decided by the first row alone.
/// Rows that are no JSON object, or fit no format, are left for the reader of the file to report, unless none fits.
package enum FormatDetection {
    /// Rows looked at.
    package static let inspectedRows = 64

    /// The format of `file`; `forced` is taken without looking, except that a text file is always text.
    package static func format(of file: RowFile, forced: DataFormat? = nil) throws(DataError) -> DataFormat {
        if file.layout == .text {
            if let forced, forced != .text {
                throw DataError(.badOption, at: file.path, "a text file cannot have the format `\(forced.rawValue)`; leave out `format`")
            }
            return .text
        }
        if let forced { return forced }
        var candidates: [DataFormat]?
        var settledAt = 0
        var firstProblem: String?
        for row in 0..<min(inspectedRows, file.rowCount) {
            let parsed: JSONRow
            do {
                parsed = try JSONRow(parsing: try file.bytes(ofRow: row))
            } catch let error as RecordError {
                firstProblem = firstProblem ?? "\(file.place(ofRow: row)): \(error.description)"
                continue
            } catch let error as DataError {
                throw error
            } catch { continue }
            let fitting = DataFormat.allCases.filter { $0.reader.matches(parsed) }
            if fitting.isEmpty {
                firstProblem = firstProblem ?? "\(file.place(ofRow: row)) has \(parsed.fields.isEmpty ? "no keys" : parsed.keys)\(hint(parsed))"
                continue
            }
            guard let before = candidates else {
                candidates = fitting
                settledAt = row
                continue
            }
            let common = before.filter(fitting.contains)
            if common.isEmpty {
                throw DataError(.unknownFormat, at: file.path, """
                    rows disagree about the format: \(list(before)) (\(file.place(ofRow: settledAt))), \
                    \(list(fitting)) (\(file.place(ofRow: row))). Split the file, or set `format`
                    """)
            }
            if common.count < before.count { settledAt = row }
            candidates = common
        }
        switch candidates?.count {
        case 1: return candidates![0]
        case nil:
            let problem = firstProblem.map { "; \($0)" } ?? ""
            throw DataError(.unknownFormat, at: file.path, "no row looks like a known format\(problem). Known formats: \(DataFormat.names); set `format` to force one")
        default:
            throw DataError(.unknownFormat, at: file.path, "the rows fit several formats: \(list(candidates!)). Set `format` to one of them")
        }
    }

    private static func list(_ formats: [DataFormat]) -> String { formats.map { "`\($0.rawValue)`" }.joined(separator: " or ") }

    /// Near misses that deserve a word.
    private static func hint(_ row: JSONRow) -> String {
        if row.fields["data"] is String { return " (UltraChat's `data` is a list of turns; this one is a string)" }
        if row.has("prompt") { return " (a prompt without a `completion` cannot be trained on)" }
        if row.has("instruction") { return " (Alpaca's rows have an `output`)" }
        return ""
    }
}
