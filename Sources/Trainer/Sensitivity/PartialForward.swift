import Kernels
import Models

/// Takes held-back rows through a model from any matrix on, with some matrices replaced by cores: one block's weights are in memory at a time, and the hidden
/// states of the rows.
struct PartialForward: Sendable {
    /// The rows before the matrices of a step of a block of the model as it is.
    struct Place: Sendable {
        fileprivate(set) var step = BlockStep.attention
        fileprivate let runner: BlockRunner
        fileprivate var states: [BlockState]

        var layer: Int { runner.layer }
    }

    private let opened: OpenedModel
    private let rows: HeldBackRows
    private let compute: DType
    private let context: Int
    /// Embedding, last norm and head.
    private let ends: LlamaModel

    init(_ opened: OpenedModel, _ rows: HeldBackRows, compute: DType) throws {
        self.opened = opened
        self.rows = rows
        self.compute = compute
        context = rows.longestContext
        var weights = ModelWeights()
        for part in [LlamaNames.embedding, LlamaNames.finalNorm, LlamaNames.head] { weights.tensors.merge(try opened.weights(of: part).tensors) { $1 } }
        ends = LlamaModel(opened.configuration, weights, compute: compute, longestContext: 1)
        for batch in rows.batches { try TrainingWindow.check(batch.input.tokens, ends) }
    }

    /// Before the first matrix.
    func start() throws -> Place { enter(try runner(0), rows.batches.map { ends.embedded($0.input.tokens) }) }

    /// Further on in the model as it is, to the first matrix of a later step or block; nil when it was stopped.
    func advance(_ place: Place, to layer: Int, _ step: BlockStep = .attention, stop: () -> Bool) throws -> Place? {
        var place = place
        while (place.layer, place.step.rawValue) < (layer, step.rawValue) {
            let end = place.layer < layer ? BlockStep.allCases.count : step.rawValue
            guard let states = advanced(place, with: place.runner, before: end, stop) else { return nil }
            if let step = BlockStep(rawValue: end) { (place.step, place.states) = (step, states) } else {
                place = enter(try runner(place.layer + 1), states.map(\.residual))
            }
        }
        return place
    }

    /// The sum of the cross-entropies of each sample; nil when it was stopped.
    ///
    /// - Parameter replacing: the cores for matrices of a block.
    func losses(from place: Place, stop: () -> Bool, replacing: (_ layer: Int) throws -> [DecompositionOutcome] = { _ in [] }) throws -> [Double]? {
        var place = place
        let replaced = try replacing(place.layer)
        var runner = replaced.isEmpty ? place.runner : try self.runner(place.layer, replaced)
        while true {
            guard let states = advanced(place, with: runner, before: BlockStep.allCases.count, stop) else { return nil }
            if place.layer + 1 == opened.configuration.layers { return losses(ofBlocksOutputs: states.map(\.residual), stop) }
            runner = try self.runner(place.layer + 1, try replacing(place.layer + 1))
            place = enter(runner, states.map(\.residual))
        }
    }

    private func losses(ofBlocksOutputs hidden: [Tensor], _ stop: () -> Bool) -> [Double]? {
        var losses: [Double] = []
        for (x, batch) in zip(hidden, rows.batches) {
            if stop() { return nil }
            var tokens = ends.losses(ofBlocksOutput: x, labels: batch.labels)[...]
            for count in batch.labelled {
                losses.append(tokens.prefix(count).reduce(0, +))
                tokens = tokens.dropFirst(count)
            }
        }
        return losses
    }

    private func runner(_ layer: Int, _ replaced: [DecompositionOutcome] = []) throws -> BlockRunner {
        var weights = try opened.weights(of: LlamaNames.block(layer))
        for outcome in replaced { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
        return BlockRunner(opened.configuration, weights, layer: layer, compute: compute, longestContext: context)
    }

    private func enter(_ runner: BlockRunner, _ hidden: [Tensor]) -> Place { Place(runner: runner, states: hidden.map(runner.begin)) }

    /// One batch after the other through the steps from the place on.
    private func advanced(_ place: Place, with runner: BlockRunner, before end: Int, _ stop: () -> Bool) -> [BlockState]? {
        var states = place.states
        for index in states.indices {
            if stop() { return nil }
            for step in BlockStep.allCases[place.step.rawValue..<end] { states[index] = runner.advance(states[index], through: step, rows.batches[index].input) }
        }
        return states
    }
}
