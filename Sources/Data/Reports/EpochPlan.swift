import Basics
/// How many micro-batches the epochs will give.
package struct EpochPlan: Sendable, Equatable {
    /// Micro-batches over all ranks.
    package var microBatches: Int
    /// Tokens that are computed and tokens that are trained.
    package var tokens: Int
    package var trainedTokens: Int
    /// Whether every row was encoded; otherwise the figures are projected from an even part of the rows.
    package var isExact: Bool

    package init(microBatches: Int, tokens: Int, trainedTokens: Int, isExact: Bool) {
        (self.microBatches, self.tokens, self.trainedTokens, self.isExact) = (microBatches, tokens, trainedTokens, isExact)
    }
}

extension Dataset {
    /// Counts by encoding every row once, without keeping samples, and packing their lengths as training will; where an epoch has more
    /// than `limit` rows, projects from that many. The same answer every time, so a schedule may be built on it.
    package func plan(epochs: Double, rowsPerBatch: Int, limit: Int = 100_000, threads: Int = Threads.upTo(2)) throws(DataError) -> EpochPlan {
        let rows = mixture.drawsPerEpoch
        let draws = max(1, Int(min(epochs * Double(rows), 0x1p53).rounded()))
        let looked = rows <= limit ? draws : min(limit, draws)
        var lengths: [RowID: (useful: Int, trained: Int)] = [:]
        var packer = Packer<Int>(capacity: encoder.maxLength, window: options.packing ? options.packingWindow : 1)
        var packed = 0
        var tokens = 0
        var trained = 0
        for start in stride(from: 0, to: looked, by: 256) {
            let ids = (start..<min(looked, start + 256)).map(row(ofDraw:))
            let new = Array(Set(ids.filter { lengths[$0] == nil }))
            let found = parallelMap(new, threads: threads) { id in
                Result { () throws(DataError) in try self.outcome(of: id, training: true) }
            }
            for (id, outcome) in zip(new, found) {
                if case .sample(let sample, _) = try outcome.get() {
                    lengths[id] = (sample.usefulCount, sample.trainedCount)
                } else {
                    lengths[id] = (0, 0)
                }
            }
            for id in ids {
                guard let length = lengths[id], length.useful > 0 else { continue }
                tokens += length.useful
                trained += length.trained
                packer.add(0, length: length.useful)
                if !packer.wantsMore, packer.nextRow() != nil { packed += 1 }
            }
        }
        while packer.nextRow() != nil { packed += 1 }
        let scale = Double(draws) / Double(looked)
        return EpochPlan(
            microBatches: Int((Double(packed) * scale / Double(rowsPerBatch)).rounded(.up)), tokens: Int(Double(tokens) * scale),
            trainedTokens: Int(Double(trained) * scale), isExact: looked == draws)
    }
}
