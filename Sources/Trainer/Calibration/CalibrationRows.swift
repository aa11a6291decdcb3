import HealData
import Models
import Storage

/// The rows that cores are fitted to, and others, without a sample in common, on which choices are made. Both are rows of the training set as training
/// packs them; held-back rows are not among them.
package struct CalibrationRows: Sendable {
    /// Rows that go through the model together.
    package struct Batch: Sendable {
        /// Padded to a multiple of 16 tokens, so that few shapes occur.
        package let input: TokenInput
        package let labels: [Int32]
        /// Tokens that are not padding.
        package let count: Int
    }

    package let fitted: [Batch]
    package let held: [Batch]

    package var fittedTokens: Int { fitted.reduce(0) { $0 + $1.count } }
    package var heldTokens: Int { held.reduce(0) { $0 + $1.count } }
    package var all: [Batch] { fitted + held }

    /// Tokens of a batch: enough for products to run at full speed.
    package static let batchTokens = 2048

    /// Takes the first rows of the training order. Where one pass over the data has too few tokens, both sets shrink in proportion.
    ///
    /// - Throws: when there are not even two samples.
    package init(_ dataset: Dataset, _ options: CalibrationConfiguration) throws {
        var stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: 1), epochs: 1, prefetch: 0)
        let wanted = options.tokens + options.heldOutTokens
        var rows: [TokenBatch] = [], found = 0
        while found < wanted, let row = try stream.next() {
            rows.append(row)
            found += row.tokens.count
        }
        let share = min(1, Double(found) / Double(wanted))
        var fitted: [TokenBatch] = [], count = 0
        // However small the others' share is, a row is left for them.
        while count < max(1, Int(share * Double(options.tokens))), fitted.count < max(1, rows.count - 1) {
            count += rows[fitted.count].tokens.count
            fitted.append(rows[fitted.count])
        }
        // The same sample may come twice: in two files, or where a file is drawn from more often than it has rows.
        let seen = Set(fitted.flatMap(\.samples).map(\.tokens))
        let held = rows[fitted.count...].map { $0.keeping { !seen.contains($0.tokens) } }.filter { !$0.tokens.isEmpty }
        guard !held.isEmpty else {
            throw Self.tooFew(rows, hasOthers: rows.count > fitted.count)
        }
        self.fitted = Self.batches(fitted)
        self.held = Self.batches(held)
    }

    /// - Parameter hasOthers: there were rows besides those to fit, but all their samples are copies.
    private static func tooFew(_ rows: [TokenBatch], hasOthers: Bool) -> HealError {
        let samples = rows.flatMap(\.samples).map(\.tokens), distinct = Set(samples).count, tokens = rows.reduce(0) { $0 + $1.tokens.count }
        let copies = distinct == samples.count ? "" : ", \(samples.count - distinct) of their \(samples.count) samples copies of others"
        return HealError(
            .data,
            "the training data have too few samples to calibrate on: \(tokens) tokens in \(rows.count) rows of max_seq_length\(copies); "
                + "\(hasOthers || distinct < 2 ? "add data that are no copies" : "add data, shorten rows"), or set compression.init to \"svd\"")
    }

    init(fitted: [Batch], held: [Batch]) {
        self.fitted = fitted
        self.held = held
    }

    /// A word on fewer tokens than asked for; nil where there are enough.
    package func shortage(_ options: CalibrationConfiguration) -> String? {
        guard fittedTokens < options.tokens else { return nil }
        return "only \(HumanFormat.grouped(fittedTokens)) tokens to calibrate on instead of \(HumanFormat.grouped(options.tokens)): cores fitted to few inputs lose "
            + "more on others; add data, or more text in compression.calibration.datasets"
    }

    /// The first batches to fit with so many tokens, and one of the others.
    func first(_ tokens: Int) -> CalibrationRows {
        var count = 0
        let enough = fitted.prefix { batch in
            defer { count += batch.count }
            return count < tokens
        }
        return CalibrationRows(fitted: Array(enough), held: Array(held.prefix(1)))
    }

    /// With as many of the other rows as hold so many tokens, at least one batch.
    func keepingHeld(_ tokens: Int) -> CalibrationRows {
        var count = 0
        let enough = held.prefix { batch in
            defer { count += batch.count }
            return count < max(1, tokens)
        }
        return CalibrationRows(fitted: fitted, held: Array(enough))
    }

    private static func batches(_ rows: [TokenBatch]) -> [Batch] {
        var batches: [Batch] = [], waiting = TokenBatch()
        func flush() {
            guard !waiting.tokens.isEmpty else { return }
            let (input, labels) = TrainingWindow.shaped(waiting)
            batches.append(Batch(input: input, labels: labels, count: waiting.tokens.count))
            waiting = TokenBatch()
        }
        for row in rows {
            for sample in row.samples { waiting.append(sample) }
            if waiting.tokens.count >= batchTokens { flush() }
        }
        flush()
        return batches
    }

    /// Tells sets of rows apart.
    package var checksum: Checksum {
        var checksum = Checksum()
        for batch in all {
            batch.input.tokens.withUnsafeBytes { checksum.add($0) }
            batch.input.segments.withUnsafeBytes { checksum.add($0) }
            batch.labels.withUnsafeBytes { checksum.add($0) }
        }
        return checksum
    }
}

extension TokenBatch {
    fileprivate typealias Segment = (tokens: ArraySlice<Int32>, labels: ArraySlice<Int32>)

    fileprivate var samples: [Segment] {
        zip(segments, segments.dropFirst()).map { (tokens[$0..<$1], labels[$0..<$1]) }
    }

    fileprivate mutating func append(_ sample: Segment) {
        tokens += sample.tokens
        labels += sample.labels
        positions += 0..<Int32(sample.tokens.count)
        segments.append(tokens.count)
        trainedTokens += sample.labels.count { $0 >= 0 }
    }

    fileprivate func keeping(_ condition: (Segment) -> Bool) -> TokenBatch {
        var kept = TokenBatch()
        for sample in samples where condition(sample) { kept.append(sample) }
        return kept
    }
}
