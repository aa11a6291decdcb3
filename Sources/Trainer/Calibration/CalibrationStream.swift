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

    /// Between blocks: what the next one is given, [T, hidden] for each batch.
    var stream: [Tensor] { hidden }

    /// Goes through a whole block from what it is given.
    mutating func pass(_ block: BlockRunner, from stream: [Tensor]) {
        hidden = stream
        begin(block)
        for step in BlockStep.allCases { advance(block, through: step) }
    }

    /// Second moments of what the next matrices get, over the rows to fit and over the others.
    func moments() -> (fitted: SecondMoment, held: SecondMoment) {
        let width = states[0].input.rowCount
        var fitted = SecondMoment(width: width), held = SecondMoment(width: width)
        for index in states.indices {
            let inputs = unpadded(states[index].input, index)
            if index < fittedCount { fitted.add(inputs) } else { held.add(inputs) }
        }
        return (fitted, held)
    }

    /// Moments of what the next matrices get in this model, the original, together with what they get in another one at the same tokens.
    func moments(with student: CalibrationStream) -> (fitted: PairedMoments, held: PairedMoments) {
        let width = states[0].input.rowCount
        var fitted = CrossMoment(width: width), held = fitted
        for index in states.indices {
            let x = unpadded(states[index].input, index), z = unpadded(student.states[index].input, index)
            if index < fittedCount { fitted.add(original: x, student: z) } else { held.add(original: x, student: z) }
        }
        return (.inputs(fitted), .inputs(held))
    }

    /// Moments of matrices that add to the stream in another model, and of what they should add for its stream to become the one of this model, the original, which
    /// has gone through them already.
    func streamMoments(with student: CalibrationStream) -> (fitted: PairedMoments, held: PairedMoments) {
        let behind = states.isEmpty ? hidden : states.map(\.residual)
        var fitted = StreamMoment(rows: behind[0].rowCount, columns: student.states[0].input.rowCount), held = fitted
        for index in behind.indices {
            let t = Self.difference(unpadded(behind[index], index), unpadded(student.states[index].residual, index))
            let z = unpadded(student.states[index].input, index)
            if index < fittedCount { fitted.add(target: t, student: z) } else { held.add(target: t, student: z) }
        }
        return (.stream(fitted), .stream(held))
    }

    /// Rows of the tokens of one batch without padding.
    private func unpadded(_ x: Tensor, _ index: Int) -> Tensor {
        let batch = batches[index], all = x.slice(0..<batch.count)
        guard skipsFirstToken else { return all }
        let rows = (0..<batch.count).filter { batch.input.positions[$0] > 0 }
        let kept = Tensor([rows.count, all.rowCount], all.dtype), bytes = all.rowCount * all.dtype.size
        for (place, row) in rows.enumerated() { (kept.base + place * bytes).copyMemory(from: all.base + row * bytes, byteCount: bytes) }
        return kept
    }

    private static func difference(_ a: Tensor, _ b: Tensor) -> Tensor {
        let a = Elementwise.convert(a, to: .f32), b = Elementwise.convert(b, to: .f32), result = Tensor(a.shape, .f32)
        for place in 0..<a.count { result.base.f32[place] = a.base.f32[place] - b.base.f32[place] }
        return result
    }
}

/// What matrices with one input are fitted to behind compressed layers.
enum PairedMoments: Sendable {
    /// Their inputs in both models.
    case inputs(CrossMoment)
    /// Their input and what they should add to the stream.
    case stream(StreamMoment)

    var width: Int {
        switch self {
        case .inputs(let moment): moment.width
        case .stream(let moment): moment.columns
        }
    }

    /// All sums that problems are made from.
    var sums: [[Double]] {
        switch self {
        case .inputs(let moment): [moment.original.sum, moment.student.sum, moment.sum]
        case .stream(let moment): [moment.student.sum, moment.sum, moment.squares]
        }
    }

    /// - Parameters:
    ///   - weight: W, row-major [out, width].
    ///   - rows: what each row was multiplied by.
    func problem(_ weight: [Float], rows: [Double]?, shrinkage: Double) throws -> FitProblem<Float> {
        switch self {
        case .inputs(let moment): try FitProblem(weight: weight, inputs: moment, shrinkage: shrinkage)
        case .stream(let moment): try FitProblem(weight: weight, stream: rows.map(moment.scaled) ?? moment, shrinkage: shrinkage)
        }
    }
}
