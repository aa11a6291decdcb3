/// How far training has come in its data: enough to go on with the very next batch, and nothing more.
///
/// It is the same on every rank, as it counts micro-batches in groups of one a rank.
package struct DataPosition: Sendable, Codable, Equatable {
    package static let currentVersion = 1

    package var version = Self.currentVersion
    /// Epoch of the next draw, from 0.
    package var epoch = 0
    /// Number of the next draw in its epoch.
    package var sampleIndex = 0
    /// Draws, counted through all epochs, whose samples wait in the packer, in order.
    package var waiting: [Int] = []
    /// Micro-batches handed out so far, over all ranks.
    package var microBatches = 0
    package var counters = DataCounters()

    package init() {}

    /// To the beginning of the pass, for data of which other samples are at this place.
    package mutating func restartEpoch() { (sampleIndex, waiting) = (0, []) }
}

/// What has been read so far, over all ranks.
package struct DataCounters: Sendable, Codable, Equatable {
    package var rows = 0
    package var samples = 0
    package var truncated = 0
    /// Tokens of the samples, positions without use left out.
    package var tokens = 0
    package var trainedTokens = 0
    package var skipped: [SkipReason: Int] = [:]

    package init() {}

    package var skippedRows: Int { skipped.values.reduce(0, +) }

    mutating func count(_ outcome: RowOutcome) {
        rows += 1
        switch outcome {
        case .sample(let sample, let wasTruncated):
            samples += 1
            truncated += wasTruncated ? 1 : 0
            tokens += sample.usefulCount
            trainedTokens += sample.trainedCount
        case .skipped(let reason):
            skipped[reason, default: 0] += 1
        }
    }
}
