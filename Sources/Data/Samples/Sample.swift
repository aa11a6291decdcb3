/// One conversation as the model sees it.
package struct Sample: Sendable, Equatable {
    /// Label of a position that is not trained.
    package static let ignoredLabel: Int32 = -100

    package var tokens: [Int32]
    /// `labels[t]` is the token to be predicted at position t, `tokens[t + 1]` if that one is trained, else `ignoredLabel`.
    /// The last position predicts nothing.
    package var labels: [Int32]

    /// - Parameter trained: for each token whether it is trained.
    package init(tokens: [Int32], trained: [Bool]) {
        self.tokens = tokens
        labels = [Int32](repeating: Self.ignoredLabel, count: tokens.count)
        for position in tokens.indices.dropLast() where trained[position + 1] { labels[position] = tokens[position + 1] }
    }

    /// Positions up to the last one that carries a label. Nothing after it can reach the loss, as attention looks only back.
    package var usefulCount: Int { (labels.lastIndex { $0 != Self.ignoredLabel } ?? -1) + 1 }

    package var trainedCount: Int { labels.count { $0 != Self.ignoredLabel } }
}

/// Why a row gives no sample.
package enum SkipReason: String, Sendable, Codable, CodingKeyRepresentable, CaseIterable {
    /// The row cannot be read, and the policy is to skip such rows.
    case badRow = "bad_row"
    /// No answer, or only blank ones.
    case emptyAnswer = "empty_answer"
    /// A text with nothing but white space in it.
    case emptyText = "empty_text"
    /// Every trained token lies past the length limit, or nothing is marked as trained.
    case nothingTrained = "nothing_trained"
    /// The same conversation is held back for evaluation.
    case heldBack = "held_back"

    /// For a person to read.
    package var words: String {
        switch self {
        case .badRow: "unreadable"
        case .emptyAnswer: "empty answer"
        case .emptyText: "empty text"
        case .nothingTrained: "no trained token within the length limit"
        case .heldBack: "same as a held-back row"
        }
    }
}

/// What came of one row.
package enum RowOutcome: Sendable {
    case sample(Sample, truncated: Bool)
    case skipped(SkipReason)
}
