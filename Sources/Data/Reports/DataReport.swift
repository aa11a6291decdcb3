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
    package func report(limit: Int = .max, errorsListed: Int = 10, threads: Int = Threads.upTo(2)) throws(DataError) -> DataReport {
        var files: [DataReport.File] = []
        for (index, source) in sources.enumerated() {
            var report = DataReport.File(
                path: source.rows.path, format: source.format, rows: source.rows.rowCount, heldBackRows: source.heldBackCount)
            let end = min(limit, source.rows.rowCount)
            for start in stride(from: 0, to: end, by: 256) {
                let rows = Array(start..<min(end, start + 256))
                let findings = parallelMap(rows, threads: threads) { Finding(self, RowID(file: index, row: $0)) }
                for finding in findings { try report.add(finding, listing: errorsListed) }
            }
            files.append(report)
        }
        return DataReport(files: files)
    }

    fileprivate struct Finding: Sendable {
        var outcome = RowOutcome.skipped(.badRow)
        var length = 0
        var error: DataError?

        init(_ dataset: Dataset, _ id: RowID) {
            do {
                let conversation = try dataset.conversation(id)
                outcome = try dataset.encoder.outcome(of: conversation)
                length = switch outcome {
                case .sample(let sample, truncated: false): sample.tokens.count
                case .sample(_, truncated: true): try dataset.encoder.encode(conversation).tokens.count
                case .skipped: 0
                }
            } catch let error as RecordError {
                self.error = DataError(.badRow, at: dataset.place(of: id), error.description)
            } catch {
                self.error = error as? DataError ?? DataError(.unreadable, at: dataset.place(of: id), "\(error)")
            }
        }
    }
}

extension DataReport.File {
    fileprivate mutating func add(_ finding: Dataset.Finding, listing: Int) throws(DataError) {
        if let error = finding.error {
            if error.code == .unreadable || error.code == .damaged { throw error }
            errorCount += 1
            if firstErrors.count < listing { firstErrors.append(error) }
        }
        counters.count(finding.outcome)
        longestSample = max(longestSample, finding.length)
    }
}
