import HealData
import Models
import Storage

/// The rows that a model is measured on, as ``Evaluation`` takes them.
struct HeldBackRows: Sendable {
    struct Batch: Sendable {
        let input: TokenInput
        let labels: [Int32]
        /// Labelled tokens of each sample.
        let labelled: [Int]
    }
    let batches: [Batch]

    /// - Parameter maxRows: samples to look at, in their fixed order; nil means all.
    init(_ dataset: Dataset, rowsPerBatch: Int, maxRows: Int?) throws {
        var stream = try dataset.evaluationBatches(BatchShape(rowsPerBatch: rowsPerBatch))
        var batches: [Batch] = [], rows = 0
        while rows < maxRows ?? .max, let batch = try stream.next() {
            guard batch.trainedTokens > 0 else { continue }
            let (input, labels) = TrainingWindow.shaped(batch)
            let samples = zip(batch.segments, batch.segments.dropFirst()).map { start, end in labels[start..<end].count { $0 >= 0 } }
            batches.append(Batch(input: input, labels: labels, labelled: samples))
            rows += samples.count
        }
        guard !batches.isEmpty else { throw HealError(.data, "no row is held back to measure on; set val_size above 0") }
        self.batches = batches
    }

    /// Labelled tokens of each sample.
    var labelled: [Int] { batches.flatMap(\.labelled) }
    var longestContext: Int { 1 + Int(batches.flatMap(\.input.positions).max() ?? 0) }

    var checksum: Checksum {
        var checksum = Checksum()
        for batch in batches {
            for numbers in [batch.input.tokens, batch.input.positions, batch.labels] { numbers.withUnsafeBytes { checksum.add($0) } }
        }
        return checksum
    }
}
