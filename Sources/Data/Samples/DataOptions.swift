/// One file of training or validation rows.
package struct DatasetFile: Sendable, Equatable {
    package enum Split: String, Sendable, Codable, CaseIterable {
        /// Trained on, except for the rows held back.
        case train
        /// Never trained on: all rows are held back.
        case validation
    }

    package var path: String
    /// nil: told from the first rows.
    package var format: DataFormat?
    /// Which columns stand for the fields of the format.
    package var columns: ColumnNames
    /// Share of the samples of an epoch, relative to the other files' weights; see `DatasetMixture`. Given for all files or for none.
    package var weight: Double?
    package var split: Split

    package init(
        path: String, format: DataFormat? = nil, columns: ColumnNames = ColumnNames(), weight: Double? = nil, split: Split = .train
    ) {
        self.path = path
        self.format = format
        self.columns = columns
        self.weight = weight
        self.split = split
    }
}

/// How many rows of the training files are kept for evaluation.
package enum HeldBackSize: Sendable, Equatable {
    /// Part of each file's rows, from 0 to below 1.
    case fraction(Double)
    /// Rows of all files together, split among them in proportion to their rows.
    case count(Int)

    package static let none = HeldBackSize.count(0)
}

/// What decides which samples come in which order.
package struct DataOptions: Sendable, Equatable {
    /// Several samples in one row of the batch, without attention across them.
    package var packing = true
    /// Samples that wait to be packed.
    package var packingWindow = 256
    package var heldBack = HeldBackSize.none
    package var onBadLine = BadLinePolicy.error
    /// Decides the shuffling and which rows are held back.
    package var seed: UInt64 = 0

    package init() {}
}
