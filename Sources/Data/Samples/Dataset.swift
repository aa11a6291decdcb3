import Basics
import Foundation

/// Files opened for training: their rows, which of them are held back, the order of the rest.
package final class Dataset: Sendable {
    /// One opened file.
    package struct Source: Sendable {
        package let file: DatasetFile
        package let rows: RowFile
        package let format: DataFormat
        /// Rows kept for evaluation: the first of `split`'s order.
        package let heldBackCount: Int
        let split: Permutation

        package var trainedCount: Int { rows.rowCount - heldBackCount }
    }

    /// A row of one of the files.
    package struct RowID: Sendable, Hashable {
        package let file: Int
        package let row: Int
    }

    package let sources: [Source]
    package let encoder: SampleEncoder
    package let options: DataOptions
    package let mixture: DatasetMixture
    /// Rows for evaluation, in their fixed order.
    package let heldBack: [RowID]
    private let heldBackHashes: Set<UInt64>
    private let trainedFiles: [Int]

    /// Opens and indexes the files, tells their formats, and reads the rows to be held back.
    ///
    /// - Parameter other: a data set whose held-back rows are not to be trained on here either.
    /// - Throws: `DataError` for a file that cannot be read, a format that cannot be told, an option out of range, nothing to train on.
    package init(files: [DatasetFile], encoder: SampleEncoder, options: DataOptions = DataOptions(), besides other: Dataset? = nil) throws(DataError) {
        try Self.check(files, encoder, options)
        var opened: [(file: DatasetFile, rows: RowFile, format: DataFormat)] = []
        for file in files {
            let rows = try RowFile(path: file.path, blockBytes: 2 * encoder.maxLength)
            opened.append((file, rows, try FormatDetection.format(of: rows, forced: file.format, columns: file.columns)))
        }
        let counts = Self.heldBackCounts(opened.map { ($0.file.split, $0.rows.rowCount) }, options.heldBack)
        let sources = opened.indices.map { index in
            let (file, rows, format) = opened[index]
            let split = Permutation(count: rows.rowCount, key: derivedKey(options.seed, 0, rows.contentHash))
            return Source(file: file, rows: rows, format: format, heldBackCount: counts[index], split: split)
        }
        self.sources = sources
        self.encoder = encoder
        self.options = options
        trainedFiles = sources.indices.filter { sources[$0].trainedCount > 0 }
        let trained = sources.filter { $0.trainedCount > 0 }
        let weights = trained.compactMap(\.file.weight)
        mixture = DatasetMixture(
            rowCounts: trained.map(\.trainedCount), weights: weights.isEmpty ? nil : weights, seed: options.seed)
        let (rows, hashes) = try Self.readHeldBack(sources, options.onBadLine)
        heldBack = rows
        heldBackHashes = hashes.union(other?.heldBackHashes ?? [])
    }

    /// Row of a draw of the mixture.
    package func row(ofDraw draw: Int) -> RowID {
        let drawn = mixture.row(ofDraw: draw)
        return row(drawn.row, ofTrained: drawn.file)
    }

    private func row(_ row: Int, ofTrained file: Int) -> RowID {
        let source = sources[trainedFiles[file]]
        return RowID(file: trainedFiles[file], row: source.split[source.heldBackCount + row])
    }

    /// `file:line` of a row.
    package func place(of id: RowID) -> String { sources[id.file].rows.place(ofRow: id.row) }

    /// The conversation in a row.
    package func conversation(_ id: RowID) throws -> Conversation {
        try Self.conversation(sources[id.file], id.row)
    }

    /// The sample of a draw of the mixture, or why there is none.
    package func outcome(ofDraw draw: Int) throws(DataError) -> RowOutcome {
        let drawn = mixture.row(ofDraw: draw)
        return try outcome(of: row(drawn.row, ofTrained: drawn.file), training: true, pass: drawn.pass)
    }

    /// The sample in a row, or why there is none. A bad row is an error or a skip, as the options say.
    ///
    /// - Parameter pass: how often the row has been drawn before, which decides the part of a long text.
    package func outcome(of id: RowID, training: Bool, pass: Int = 0) throws(DataError) -> RowOutcome {
        do {
            let conversation = try conversation(id)
            if training, !heldBackHashes.isEmpty, heldBackHashes.contains(conversation.contentHash) { return .skipped(.heldBack) }
            return try encoder.outcome(of: conversation, pass: pass)
        } catch let error as RecordError {
            if options.onBadLine == .skip { return .skipped(.badRow) }
            throw DataError(.badRow, at: place(of: id), error.description)
        } catch let error as DataError {
            throw error
        } catch {
            throw DataError(.unreadable, at: place(of: id), "\(error)")
        }
    }

    /// The outcome of a row that is never trained on: one that is held back, or equals one that is; nil of any other.
    func withheldOutcome(of id: RowID) -> RowOutcome? {
        guard let conversation = try? conversation(id), heldBackHashes.contains(conversation.contentHash) else { return nil }
        return try? encoder.outcome(of: conversation)
    }

    private static func conversation(_ source: Source, _ row: Int) throws -> Conversation {
        try source.rows.conversation(ofRow: row, format: source.format, columns: source.file.columns)
    }

    private static func readHeldBack(_ sources: [Source], _ policy: BadLinePolicy) throws(DataError) -> ([RowID], Set<UInt64>) {
        var rows: [RowID] = []
        var hashes: Set<UInt64> = []
        for (file, source) in sources.enumerated() {
            for start in stride(from: 0, to: source.heldBackCount, by: 1024) {
                let ids = (start..<min(source.heldBackCount, start + 1024)).map { RowID(file: file, row: source.split[$0]) }
                let found = parallelMap(ids, threads: Threads.count) { id in
                    Result { () throws(DataError) in try heldBackHash(source, id.row, policy) }
                }
                for (id, hash) in zip(ids, found) {
                    guard let hash = try hash.get() else { continue }
                    hashes.insert(hash)
                    rows.append(id)
                }
            }
        }
        return (rows, hashes)
    }

    /// nil for a bad row that is to be skipped.
    private static func heldBackHash(_ source: Source, _ row: Int, _ policy: BadLinePolicy) throws(DataError) -> UInt64? {
        do {
            return try conversation(source, row).contentHash
        } catch let error as RecordError {
            if policy == .skip { return nil }
            throw DataError(.badRow, at: source.rows.place(ofRow: row), error.description)
        } catch let error as DataError {
            throw error
        } catch {
            throw DataError(.unreadable, at: source.rows.path, "\(error)")
        }
    }

    /// Rows to hold back, by file. A training file gives at least one row where a part is asked for, and keeps at least one.
    private static func heldBackCounts(_ files: [(split: DatasetFile.Split, rows: Int)], _ size: HeldBackSize) -> [Int] {
        let trainRows = files.map { $0.split == .train ? $0.rows : 0 }
        let asked: [Int]
        switch size {
        case .count(let count): asked = apportion(min(count, trainRows.reduce(0, +)), by: trainRows.map(Double.init))
        case .fraction(let part): asked = trainRows.map { part > 0 ? max(1, Int((part * Double($0)).rounded())) : 0 }
        }
        return files.indices.map { files[$0].split == .validation ? files[$0].rows : max(0, min(asked[$0], trainRows[$0] - 1)) }
    }

    private static func check(_ files: [DatasetFile], _ encoder: SampleEncoder, _ options: DataOptions) throws(DataError) {
        guard files.contains(where: { $0.split == .train }) else {
            throw DataError(.empty, files.isEmpty ? "no data sets are given; add one to `datasets`" : "no data set has the split `train`")
        }
        if encoder.maxLength < 2 { throw DataError(.badOption, "`max_seq_length` is \(encoder.maxLength); it must be at least 2") }
        if encoder.maxLength > 1 << 24 { throw DataError(.badOption, "`max_seq_length` is \(encoder.maxLength); more than \(1 << 24) is not supported") }
        try encoder.checkMarks()
        let weighted = files.filter { $0.split == .train }
        if weighted.contains(where: { $0.weight != nil }), let missing = weighted.first(where: { $0.weight == nil }) {
            throw DataError(.badOption, at: missing.path, "`weight` is missing; give every training data set a weight, or none")
        }
        for file in files {
            if let weight = file.weight, !(weight > 0 && weight.isFinite) {
                throw DataError(.badOption, at: file.path, "`weight` is \(weight); it must be a number above 0")
            }
        }
        switch options.heldBack {
        case .fraction(let part) where !(part >= 0 && part < 1):
            throw DataError(.badOption, "`val_size` is \(part); a part must be at least 0 and below 1")
        case .count(let count) where count < 0:
            throw DataError(.badOption, "`val_size` is \(count); it cannot be negative")
        default: break
        }
        if options.packingWindow < 1 { throw DataError(.badOption, "the packing window must hold at least one sample") }
    }
}
