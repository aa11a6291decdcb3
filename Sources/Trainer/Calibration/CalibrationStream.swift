import Kernels
import Models
import TensorTrain

/// The calibration tokens on their way through a model, one block at a time: only one block's weights are needed at once.
struct CalibrationStream {
    private let batches: [CalibrationRows.Batch]
    private let fittedCount: Int
    private let skipsFirstToken: Bool
    /// The input of the block to come, [T, hidden], for each batch.
    private var hidden: [Tensor]
    private var states: [BlockState] = []

    init(_ rows: CalibrationRows, skipsFirstToken: Bool, embedding: LlamaModel) {
        batches = rows.all
        fittedCount = rows.fitted.count
        self.skipsFirstToken = skipsFirstToken
        hidden = batches.map { embedding.embedded($0.input.tokens) }
    }

    /// Enters a block: its first matrices have their inputs.
    mutating func begin(_ block: BlockRunner) {
        states = hidden.map(block.begin)
        hidden = []
    }

    /// Passes the matrices of a step; after the last one the block is left.
    mutating func advance(_ block: BlockRunner, through step: BlockStep) {
        // One batch after the other, so that the old state of each is freed at once.
        for index in states.indices { states[index] = block.advance(states[index], through: step, batches[index].input) }
        if step == BlockStep.allCases.last {
            hidden = states.map(\.residual)
            states = []
        }
    }

    /// Second moments of what the next matrices get, over the rows to fit and over the others.
    func moments() -> (fitted: SecondMoment, held: SecondMoment) {
        let width = states[0].input.rowCount
        var fitted = SecondMoment(width: width), held = SecondMoment(width: width)
        for index in states.indices {
            let inputs = unpadded(states[index].input, index)
            if index < fittedCount { fitted.add(inputs.base.f32, count: inputs.rows) } else { held.add(inputs.base.f32, count: inputs.rows) }
        }
        return (fitted, held)
    }

    /// Moments of what the matrices of a step get in this model, the original, together with what they get in another one at the same tokens.
    func moments(of step: BlockStep, with student: CalibrationStream) -> (fitted: PairedMoments, held: PairedMoments) {
        let width = states[0].input.rowCount, stream = step.addsToResidual ? states[0].residual.rowCount : nil
        var fitted = PairedMoments(width: width, stream: stream), held = fitted
        for index in states.indices {
            let x = unpadded(states[index].input, index).floats(), z = unpadded(student.states[index].input, index).floats()
            let d = stream.map { _ in
                zip(unpadded(states[index].residual, index).floats(), unpadded(student.states[index].residual, index).floats()).map { $0 - $1 }
            }
            if index < fittedCount { fitted.add(original: x, student: z, drift: d) } else { held.add(original: x, student: z, drift: d) }
        }
        return (fitted, held)
    }

    /// Rows of the tokens of one batch without padding, in float32.
    private func unpadded(_ x: Tensor, _ index: Int) -> Tensor {
        let batch = batches[index], all = Elementwise.convert(x.slice(0..<batch.count), to: .f32)
        guard skipsFirstToken else { return all }
        let rows = (0..<batch.count).filter { batch.input.positions[$0] > 0 }
        let kept = Tensor([rows.count, all.rowCount], .f32)
        for (place, row) in rows.enumerated() {
            (kept.base.f32 + place * all.rowCount).update(from: all.base.f32 + row * all.rowCount, count: all.rowCount)
        }
        return kept
    }
}

/// What matrices with one input get in two models, and how far the stream that they add to has drifted.
struct PairedMoments: Sendable {
    private(set) var inputs: CrossMoment
    /// nil where the output is not added to the stream.
    private(set) var drift: Drift?

    init(width: Int, stream: Int?) {
        inputs = CrossMoment(width: width)
        drift = stream.map { Drift(rows: $0, columns: width) }
    }

    mutating func add(original x: [Float], student z: [Float], drift d: [Float]?) {
        inputs.add(original: x, student: z)
        if let d { drift?.add(d, original: x, student: z) }
    }
}
