/// One micro-batch: the real tokens of its rows, one after the other, without padding.
package struct TokenBatch: Sendable, Equatable {
    /// Token ids of all segments.
    package var tokens: [Int32] = []
    /// Label of each position, already shifted: the token to predict there, or `Sample.ignoredLabel`.
    package var labels: [Int32] = []
    /// Position of each token in its segment, from 0.
    package var positions: [Int32] = []
    /// Where each segment starts, and after them the number of tokens. Attention never crosses a segment's border.
    package var segments: [Int] = [0]
    /// Positions that carry a label.
    package var trainedTokens = 0
    /// Rows of at most `max_seq_length` tokens that the segments were packed into. 0 in the batch of a rank that data no longer reached.
    package var rows = 0

    package init() {}

    /// A batch of one sample, for scoring a text.
    package init(_ sample: Sample) {
        append(sample)
        rows = 1
    }

    /// Adds a sample as a segment. Positions after its last label are left out: nothing they compute can reach the loss.
    mutating func append(_ sample: Sample) {
        let count = sample.usefulCount
        tokens.append(contentsOf: sample.tokens[..<count])
        labels.append(contentsOf: sample.labels[..<count])
        positions.append(contentsOf: 0..<Int32(count))
        segments.append(tokens.count)
        trainedTokens += sample.trainedCount
    }
}
