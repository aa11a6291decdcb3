/// Tells a file's format from its first rows.
///
/// Every inspected row that has the keys of some format must agree on one; nothing is decided by the first row alone.
/// Rows that are no JSON object, or fit no format, are left for the reader of the file to report, unless none fits.
package enum FormatDetection {
    /// Rows looked at.
    package static let inspectedRows = 64

    /// The format of `file`; `forced` is taken as it is where a row is a JSON object at all, except that a text file is always text.
    package static func format(
        of file: RowFile, forced: DataFormat? = nil, columns: ColumnNames = ColumnNames()
    ) throws(DataError) -> DataFormat {
        if file.layout == .text {
            if let forced, forced != .text {
                throw DataError(.badOption, at: file.path, "a text file cannot have the format `\(forced.rawValue)`; leave out `format`")
            }
            return .text
        }
        let rows = try FirstRows(of: file, columns: columns)
        try rows.requireObjects()
        try rows.requireColumns()
        if let forced { return forced }
        return try rows.format()
    }
}

/// The first rows of a file, as far as they are JSON objects.
private struct FirstRows {
    let file: RowFile
    let columns: ColumnNames
    private var rows: [(number: Int, row: JSONRow)] = []
    private var starts: [[UInt8]] = []
    private var firstProblem: String?

    init(of file: RowFile, columns: ColumnNames) throws(DataError) {
        self.file = file
        self.columns = columns
        for number in 0..<min(FormatDetection.inspectedRows, file.rowCount) {
            let bytes = try file.bytes(ofRow: number)
            if starts.count < 3 { starts.append(Array(bytes.prefix(4096))) }
            do throws(RecordError) {
                rows.append((number, try JSONRow(parsing: bytes, columns: columns)))
            } catch {
                firstProblem = firstProblem ?? "\(file.place(ofRow: number)): \(error.description)"
            }
        }
    }

    /// Where not even one row is an object, the file is something else. An object over several lines has lines that are objects in it.
    func requireObjects() throws(DataError) {
        let isSpread = file.layout == .lines && starts.first.map { String(decoding: $0, as: UTF8.self).strippedLikePython() } == "{"
        guard rows.isEmpty || isSpread else { return }
        let guess = file.layout == .lines ? ForeignText.complaint(lines: starts) : nil
        throw DataError(.unknownFormat, at: file.path, guess ?? "no row is a JSON object\(firstProblem.map { "; \($0)" } ?? "")")
    }

    func requireColumns() throws(DataError) {
        for (field, column) in columns.byField.sorted(by: { $0.key < $1.key }) where !isThere(column) {
            let has = rows.first.map { "; the first has \($0.row.keys)" } ?? ""
            throw DataError(.badOption, at: file.path, "`columns` takes `\(field)` from `\(column)`, but none of the first rows has a `\(column)`\(has)")
        }
    }

    private func isThere(_ column: String) -> Bool {
        rows.contains { entry in
            entry.row.members.contains { $0.key == column || ($0.value.elements ?? []).contains { $0[column] != nil } }
        }
    }

    func format() throws(DataError) -> DataFormat {
        var candidates: [DataFormat]?
        var settledAt = 0
        var problem = firstProblem
        for (number, row) in rows {
            let fitting = DataFormat.allCases.filter { $0.reader.matches(row) }
            if fitting.isEmpty {
                problem = problem ?? "\(file.place(ofRow: number)) has \(row.members.isEmpty ? "no keys" : row.keys)\(hint(row))"
                continue
            }
            guard let before = candidates else {
                candidates = fitting
                settledAt = number
                continue
            }
            let common = before.filter(fitting.contains)
            if common.isEmpty {
                throw DataError(.unknownFormat, at: file.path, """
                    rows disagree about the format: \(list(before)) (\(file.place(ofRow: settledAt))), \
                    \(list(fitting)) (\(file.place(ofRow: number))). Split the file, or set `format`
                    """)
            }
            if common.count < before.count { settledAt = number }
            candidates = common
        }
        switch candidates?.count {
        case 1: return candidates![0]
        case nil:
            throw DataError(.unknownFormat, at: file.path, """
                no row looks like a known format\(problem.map { "; \($0)" } ?? ""). Known formats: \(DataFormat.names); \
                where columns have other names, set `columns`, such as {"prompt": "question", "completion": "answer"}
                """)
        default:
            throw DataError(.unknownFormat, at: file.path, "the rows fit several formats: \(list(candidates!)). Set `format` to one of them")
        }
    }

    private func list(_ formats: [DataFormat]) -> String { formats.map { "`\($0.rawValue)`" }.joined(separator: " or ") }

    /// Near misses that deserve a word.
    private func hint(_ row: JSONRow) -> String {
        if row.hasString("data") { return " (UltraChat's `data` is a list of turns; this one is a string)" }
        if row.has("chosen"), row.has("rejected") { return " (pairs of a better and a worse answer are not trained on; keep the better one as `completion`)" }
        if row.has("prompt") { return " (a prompt without a `completion` cannot be trained on)" }
        if row.has("instruction") { return " (Alpaca's rows have an `output`)" }
        return ""
    }
}
