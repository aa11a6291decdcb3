import Basics
/// What a full pass over the data finds.
package struct DataReport: Sendable {
    package struct File: Sendable {
        package var path: String
        package var format: DataFormat
        package var rows: Int
        package var heldBackRows: Int
        /// Counters over all rows of the file.
        package var counters = DataCounters()
        /// The longest sample, before truncation.
        package var longestSample = 0
        /// The first bad rows, as `file:line: reason`.
        package var firstErrors: [DataError] = []
        /// Bad rows in all.
        package var errorCount = 0
        /// Keys that say something and that nothing reads, in the order in which they come first.
        package var unreadKeys: [UnreadKey] = []
    }

    /// A key that nothing reads: where it stands first, and in how many rows.
    package struct UnreadKey: Sendable, Equatable {
        package var key: String
        package var place: String
        package var rows: Int

        package var description: String {
            "\(place): `\(key)` is not read" + (rows > 1 ? ", here and in \(rows - 1) other \(rows == 2 ? "row" : "rows")" : "")
        }
    }

    package var files: [File]

    package init(files: [File]) { self.files = files }

    /// All files' counters together.
    package var counters: DataCounters {
        files.reduce(into: DataCounters()) { total, file in
            total.rows += file.counters.rows
            total.samples += file.counters.samples
            total.truncated += file.counters.truncated
            total.tokens += file.counters.tokens
            total.trainedTokens += file.counters.trainedTokens
            total.skipped.merge(file.counters.skipped, uniquingKeysWith: +)
        }
    }
}

extension Dataset {
    /// Reads and encodes every row, or the first `limit` of each file, whatever is done about bad rows in training: they are listed here.
    ///
    /// - Parameter progress: is told how many rows of all are done; an error that it throws ends the pass.
    package func report(
        limit: Int = .max, errorsListed: Int = 10, threads: Int = Threads.upTo(2), progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> DataReport {
        let total = sources.reduce(0) { $0 + min(limit, $1.rows.rowCount) }
        var files: [DataReport.File] = [], done = 0
        for (index, source) in sources.enumerated() {
            var report = DataReport.File(
                path: source.rows.path, format: source.format, rows: source.rows.rowCount, heldBackRows: source.heldBackCount)
            let end = min(limit, source.rows.rowCount)
            for start in stride(from: 0, to: end, by: 256) {
                let rows = Array(start..<min(end, start + 256))
                let findings = parallelMap(rows, threads: threads) { Finding(self, RowID(file: index, row: $0)) }
                for (row, finding) in zip(rows, findings) { try report.add(finding, listing: errorsListed) { source.rows.place(ofRow: row) } }
                done += rows.count
                try progress(done, total)
            }
            files.append(report)
        }
        return DataReport(files: files)
    }

    /// Counters over the rows that are never trained on: those that are held back, and their equals.
    package func withheld(threads: Int = Threads.upTo(2)) -> DataCounters {
        var counters = DataCounters()
        guard !heldBack.isEmpty else { return counters }
        for (index, source) in sources.enumerated() {
            for start in stride(from: 0, to: source.rows.rowCount, by: 1024) {
                let ids = (start..<min(source.rows.rowCount, start + 1024)).map { RowID(file: index, row: $0) }
                for outcome in parallelMap(ids, threads: threads, { self.withheldOutcome(of: $0) }) {
                    if let outcome { counters.count(outcome) }
                }
            }
        }
        return counters
    }

    fileprivate struct Finding: Sendable {
        var outcome = RowOutcome.skipped(.badRow)
        var length = 0
        var unreadKeys: [String] = []
        var error: (any Error)?

        init(_ dataset: Dataset, _ id: RowID) {
            do {
                let source = dataset.sources[id.file]
                let (conversation, unread) = try source.rows.reading(ofRow: id.row, format: source.format, columns: source.file.columns)
                unreadKeys = unread
                outcome = try dataset.encoder.outcome(of: conversation)
                length = switch outcome {
                case .sample(let sample, truncated: false): sample.tokens.count
                case .sample(_, truncated: true): try dataset.encoder.encode(conversation).tokens.count
                case .skipped: 0
                }
            } catch {
                self.error = error
            }
        }
    }
}

extension DataReport.UnreadKey {
    fileprivate static let most = 20
}

extension DataReport.File {
    /// - Parameter place: `file:line`, which takes long to find in a large file; asked for what is listed alone.
    fileprivate mutating func add(_ finding: Dataset.Finding, listing: Int, at place: () -> String) throws {
        if let error = finding.error {
            if let error = error as? DataError, [.unreadable, .inputOutput, .damaged].contains(error.code) { throw error }
            errorCount += 1
            if firstErrors.count < listing { firstErrors.append(error as? DataError ?? DataError(.badRow, at: place(), "\(error)")) }
        }
        for key in finding.unreadKeys { add(unread: key, at: place) }
        counters.count(finding.outcome)
        longestSample = max(longestSample, finding.length)
    }

    /// A file whose keys are its data has no end of them: a few are enough to see that.
    private mutating func add(unread key: String, at place: () -> String) {
        if let known = unreadKeys.firstIndex(where: { $0.key == key }) {
            unreadKeys[known].rows += 1
        } else if unreadKeys.count < DataReport.UnreadKey.most {
            unreadKeys.append(.init(key: key, place: place(), rows: 1))
        }
    }
}
