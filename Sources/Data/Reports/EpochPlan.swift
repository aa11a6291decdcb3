import Basics
/// What training takes from the data: in so many passes, or in so many micro-batches.
package struct EpochPlan: Sendable, Equatable {
    /// Micro-batches over all ranks.
    package var microBatches: Int
    /// Tokens that are computed and tokens that are trained.
    package var tokens: Int
    package var trainedTokens: Int
    /// Passes over the data. Samples that still wait to be packed at the end do not count.
    package var passes: Double
    /// Whether every row was encoded; otherwise the figures are projected from an even part of the rows.
    package var isExact: Bool

    package init(microBatches: Int, tokens: Int, trainedTokens: Int, passes: Double = 1, isExact: Bool) {
        (self.microBatches, self.tokens, self.trainedTokens, self.passes, self.isExact) = (microBatches, tokens, trainedTokens, passes, isExact)
    }
}

extension Dataset {
    /// Counts by encoding every row once, without keeping samples, and packing their lengths as training will; where an epoch has more
    /// than `limit` rows, projects from that many. The same answer every time, so a schedule may be built on it.
    package func plan(epochs: Double, rowsPerBatch: Int, limit: Int = 100_000, threads: Int = Threads.upTo(2)) throws(DataError) -> EpochPlan {
        let rows = mixture.drawsPerEpoch
        let draws = max(1, Int(min(epochs * Double(rows), 0x1p53).rounded()))
        let looked = rows <= limit ? draws : min(limit, draws)
        let packed = try pack(draws: looked, rows: .max, threads: threads), scale = Double(draws) / Double(looked)
        return EpochPlan(
            microBatches: Int((Double(packed.rows) * scale / Double(rowsPerBatch)).rounded(.up)), tokens: Int(Double(packed.tokens) * scale),
            trainedTokens: Int(Double(packed.trained) * scale), passes: epochs, isExact: looked == draws)
    }

    /// The same for a run of so many micro-batches, which goes through the data again and again; projected where it takes more than `limit` draws.
    package func plan(microBatches: Int, rowsPerBatch: Int, limit: Int = 100_000, threads: Int = Threads.upTo(2)) throws(DataError) -> EpochPlan {
        let (product, overflow) = microBatches.multipliedReportingOverflow(by: rowsPerBatch), rows = overflow ? Int.max : product
        let packed = try pack(draws: limit, rows: rows, threads: threads), scale = Double(rows) / Double(max(1, packed.rows))
        func whole(_ count: Int) -> Int { Int(min(Double(count) * scale, 0x1p53)) }
        return EpochPlan(
            microBatches: microBatches, tokens: whole(packed.tokens), trainedTokens: whole(packed.trained),
            passes: Double(packed.draws) * scale / Double(max(1, mixture.drawsPerEpoch)), isExact: packed.rows == rows)
    }

    /// A sample's positions of use, and those of them that are trained.
    private typealias Length = (useful: Int, trained: Int)

    /// What is packed into rows, and the draws that it comes from.
    private struct Packed {
        var draws = 0, rows = 0, tokens = 0, trained = 0

        mutating func add(_ row: [Length]) {
            rows += 1
            for sample in row { (tokens, trained) = (tokens + sample.useful, trained + sample.trained) }
        }
    }

    /// Packs the first draws, until there are so many rows.
    private func pack(draws: Int, rows: Int, threads: Int) throws(DataError) -> Packed {
        var lengths: [RowID: Length] = [:], packed = Packed(), start = 0
        var packer = Packer<Length>(capacity: encoder.maxLength, window: options.packing ? options.packingWindow : 1)
        while start < draws, packed.rows < rows {
            let ids = (start..<min(draws, start + 256)).map(row(ofDraw:))
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
            for id in ids where packed.rows < rows {
                packed.draws += 1
                guard let length = lengths[id], length.useful > 0 else { continue }
                packer.add(length, length: length.useful)
                if !packer.wantsMore, let full = packer.nextRow() { packed.add(full) }
            }
            start += ids.count
        }
        while packed.rows < rows, let left = packer.nextRow() { packed.add(left) }
        packed.draws -= packer.waiting.count
        return packed
    }
}
