import Autograd
import Foundation
import HealData
import Models

/// The loss of a model on the rows of one data file, row by row: what an evaluation of a run looks at, on any rows.
///
/// An evaluation packs several samples into one product, so its sums come in another order: both agree to rounding.
package struct RowScoring {
    package struct Row: Sendable {
        /// `file:line`.
        package var place: String
        /// Sum of the losses of the row's labelled tokens, in nats, and their number; nil where the row gives no sample.
        package var sum: Double?
        package var tokens: Int
        package var isCut: Bool
        package var skipped: SkipReason?

        package var loss: Double? { sum.map { $0 / Double(max(1, tokens)) } }
    }

    private let model: LlamaModel
    private let encoder: SampleEncoder
    private let file: RowFile
    private let format: DataFormat
    private let columns: ColumnNames
    package let rowCount: Int

    /// - Parameters:
    ///   - format: nil tells it from the rows.
    ///   - columns: which columns stand for the fields of the format.
    ///   - limit: rows to look at, from the first on; nil means all.
    package init(_ path: String, format: DataFormat?, columns: ColumnNames, limit: Int?, encoder: SampleEncoder, model: LlamaModel) throws {
        file = try RowFile(path: path, blockBytes: 2 * encoder.maxLength)
        self.format = try FormatDetection.format(of: file, forced: format, columns: columns)
        rowCount = min(file.rowCount, limit ?? .max)
        (self.columns, self.encoder, self.model) = (columns, encoder, model)
    }

    /// - Throws: `DataError` with the line for a row that cannot be read, and where a token is not the model's.
    package func row(_ index: Int) throws -> Row {
        do {
            let place = file.place(ofRow: index)
            switch try encoder.outcome(of: try file.conversation(ofRow: index, format: format, columns: columns)) {
            case .skipped(let reason): return Row(place: place, sum: nil, tokens: 0, isCut: false, skipped: reason)
            case .sample(let sample, let truncated):
                let count = sample.usefulCount, tokens = Array(sample.tokens[..<count])
                try TrainingWindow.check(tokens, model)
                let losses = model.losses(TokenInput(tokens), labels: Array(sample.labels[..<count]))
                if let token = losses.firstIndex(where: { !$0.isFinite }) { throw HealError(.model, "\(place): \(NotFiniteError(token: token))") }
                return Row(place: place, sum: losses.reduce(0, +), tokens: losses.count, isCut: truncated, skipped: nil)
            }
        } catch let error as RecordError {
            throw DataError(.badRow, at: file.place(ofRow: index), error.description)
        }
    }
}
