import Autograd
import Cluster
import HealData
import Models

/// The mean loss on rows that are never trained on.
package enum Evaluation {
    /// - Parameters:
    ///   - maxRows: held-back samples to look at, in their fixed order; nil means all.
    ///   - cluster: the batches are dealt to its ranks. What each gives is added in the order of the batches, so the result does not depend on how many there are.
    ///   - stop: asked before each batch; all ranks get the same answer.
    package static func run(
        _ model: LlamaModel, _ dataset: Dataset, rowsPerBatch: Int, maxRows: Int? = nil, cluster: any Communicator = Alone(),
        stop: () -> Bool = { false }
    ) throws -> EvaluationResult? {
        var stream = try dataset.evaluationBatches(BatchShape(rowsPerBatch: rowsPerBatch, rank: cluster.rank, world: cluster.size))
        var sum = 0.0, tokens = 0, rows = 0
        var isEnough: Bool { maxRows.map { rows >= $0 } ?? false }
        while !isEnough, let batch = try stream.next() {
            if stop() { return nil }
            for found in cluster.gather(try contribution(of: batch, model)) where !isEnough {
                sum += found[0]
                tokens += Int(found[1])
                rows += Int(found[2])
            }
        }
        guard tokens > 0 else { return nil }
        return EvaluationResult(loss: sum / Double(tokens), tokens: tokens, rows: rows)
    }

    /// The same on a text; nil when it was stopped.
    package static func run(_ model: LlamaModel, _ text: EvaluationText, rowsPerBatch: Int, stop: () -> Bool = { false }) throws -> EvaluationResult? {
        var sum = 0.0, tokens = 0
        for batch in text.batches(rowsPerBatch: rowsPerBatch) {
            if stop() { return nil }
            let found = try contribution(of: batch, model)
            sum += found[0]
            tokens += Int(found[1])
        }
        return EvaluationResult(loss: sum / Double(max(1, tokens)), tokens: tokens, rows: text.rows.count)
    }

    /// Sum of losses, labelled tokens and samples; nothing of a batch without labels.
    private static func contribution(of batch: TokenBatch, _ model: LlamaModel) throws -> [Double] {
        guard batch.trainedTokens > 0 else { return [0, 0, 0] }
        try TrainingWindow.check(batch.tokens, model)
        var tape = Tape(records: false)
        let (input, labels) = TrainingWindow.shaped(batch)
        let loss = model.loss(input, labels: labels, &tape).value.base.f64[0]
        return [loss, Double(batch.trainedTokens), Double(batch.segments.count - 1)]
    }
}
