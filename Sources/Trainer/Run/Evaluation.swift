import Autograd
import HealData
import Models

/// The mean loss on rows that are never trained on.
package enum Evaluation {
    /// - Parameter maxRows: held-back samples to look at, in their fixed order; nil means all.
    package static func run(
        _ model: LlamaModel, _ dataset: Dataset, rowsPerBatch: Int, maxRows: Int? = nil, stop: () -> Bool = { false }
    ) throws -> EvaluationResult? {
        var stream = try dataset.evaluationBatches(BatchShape(rowsPerBatch: rowsPerBatch))
        var sum = 0.0, tokens = 0, rows = 0
        while let batch = try stream.next() {
            if stop() { return nil }
            guard batch.trainedTokens > 0 else { continue }
            try TrainingWindow.check(batch.tokens, model)
            var tape = Tape(records: false)
            let (input, labels) = TrainingWindow.shaped(batch)
            sum += model.loss(input, labels: labels, &tape).value.base.f64[0]
            tokens += batch.trainedTokens
            rows += batch.segments.count - 1
            if let maxRows, rows >= maxRows { break }
        }
        guard tokens > 0 else { return nil }
        return EvaluationResult(loss: sum / Double(tokens), tokens: tokens, rows: rows)
    }
}
