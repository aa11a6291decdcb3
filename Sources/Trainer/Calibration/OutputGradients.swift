import Autograd
import Kernels
import Models
import Synchronization

/// How much the loss of a model depends on what each of its matrices gives.
package struct OutputGradients: Sendable, Equatable, Codable {
    /// For each matrix and each of its rows j, E[(dL/dy_j)^2] over tokens, L being the sum of the cross-entropies of labelled tokens.
    package private(set) var squares: [String: [Double]] = [:]
    /// Tokens that the mean is over, and the labelled ones among them.
    package private(set) var tokens = 0
    package private(set) var labelled = 0

    /// One forward and one backward pass over the rows.
    ///
    /// - Parameters:
    ///   - checkpointing: compute each block twice and keep little.
    ///   - stop: asked before each batch.
    ///   - progress: told of the batches that are done.
    /// - Returns: nil when it was stopped.
    package static func gather(
        _ configuration: LlamaConfiguration, _ weights: ModelWeights, _ batches: [CalibrationRows.Batch], compute: DType, checkpointing: Bool,
        stop: () -> Bool, progress: (Int) throws -> Void
    ) throws -> OutputGradients? {
        let sums = Sums()
        let context = 1 + Int(batches.flatMap(\.input.positions).max() ?? 0)
        let model = LlamaModel(configuration, weights, compute: compute, longestContext: context, observe: sums.add)
        for batch in batches { try TrainingWindow.check(batch.input.tokens, model) }
        var result = OutputGradients()
        for (index, batch) in batches.enumerated() {
            if stop() { return nil }
            let labelled = batch.labels.count { $0 >= 0 }
            if labelled > 0 {
                var tape = Tape()
                let loss = model.loss(batch.input, labels: batch.labels, &tape, checkpointing: checkpointing)
                tape.backward(from: loss, cotangent: Tensor([1.0], [1]), into: model.makeGradients())
            }
            result.tokens += batch.count
            result.labelled += labelled
            try progress(index + 1)
        }
        result.squares = sums.values.mapValues { sums in sums.map { $0 / Double(max(1, result.tokens)) } }
        if let name = result.squares.keys.sorted().first(where: { name in result.squares[name]!.contains { !$0.isFinite } }) {
            throw HealError(
                .model,
                "\(name): how the loss depends on what it gives is not a finite number; check the model's weights: some are not finite, or too large for single precision")
        }
        return result
    }

    /// Predicted rise of the mean loss of a labelled token where a matrix loses `error` = tr(diag(g) (W - W') C (W - W')^T).
    package func rise(error: Double) -> Double { 0.5 * error * Double(tokens) / Double(max(1, labelled)) }

    /// Sums of squares by column, for each matrix.
    private final class Sums: Sendable {
        private let found = Mutex<[String: [Double]]>([:])

        var values: [String: [Double]] { found.withLock { $0 } }

        func add(_ name: String, _ cotangent: Tensor) {
            let g = Elementwise.convert(cotangent, to: .f32), width = g.rowCount, rows = g.rows
            var sums = [Double](repeating: 0, count: width)
            sums.withUnsafeMutableBytes { sums in
                let sums = Address(sums.baseAddress!), from = Address(g.base)
                // Each column is added up by one worker, in the order of the tokens.
                Parallel.forBlocks(of: width, block: 256) { columns in
                    let sums = sums.raw.assumingMemoryBound(to: Double.self), from = from.raw.assumingMemoryBound(to: Float.self)
                    for row in 0..<rows {
                        let line = from + row * width
                        for column in columns { sums[column] += Double(line[column] * line[column]) }
                    }
                }
            }
            found.withLock { found in
                guard var known = found.removeValue(forKey: name) else { return found[name] = sums }
                for column in known.indices { known[column] += sums[column] }
                found[name] = known
            }
        }
    }
}
