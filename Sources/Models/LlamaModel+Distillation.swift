import Autograd
import Kernels

/// What a teacher says about the tokens of one batch, short of the last product: logits are made where they are used, a chunk at a time.
package struct TeacherStates: Sendable {
    /// Output of the last norm, [T, hidden].
    let hidden: Tensor
    let head: Tensor
    /// The residual stream after each block, [T, hidden], wide; empty where nobody asked for it.
    let stream: [Tensor]
}

/// How a student's residual stream is drawn to its teacher's.
package struct StreamLesson: Sendable {
    /// The tokens that count.
    let rows: [Int]
    /// Of the mean over blocks of a token's relative square distance (`StreamMatch`), in the loss.
    let weight: Double
    /// Sum over tokens of the means over blocks, when the forward pass is through.
    package var distance: Double { sum.total / Double(max(1, blocks)) }
    private let sum = StreamDistance()
    private let blocks: Int

    package init(_ states: TeacherStates, rows: [Int], weight: Double) {
        self.rows = rows
        self.weight = weight
        blocks = states.stream.count
    }

    func match(_ target: Tensor) -> StreamMatch { StreamMatch(target, rows: rows, factor: weight / Double(max(1, blocks)), distance: sum) }
}

extension LlamaModel {
    /// The states of this model as a teacher. Nothing is recorded, so no more than one block's activations exist at a time.
    ///
    /// - Parameter keepsStream: keep the residual stream after each block.
    package func teach(_ input: TokenInput, keepsStream: Bool = false) -> TeacherStates {
        var tape = Tape(records: false), stream: [Tensor] = []
        let last = hidden(input, &tape) { _, x, _ in
            if keepsStream { stream.append(x.value) }
            return x
        }
        return TeacherStates(hidden: last.value, head: headWeight(&tape).value, stream: stream)
    }

    /// Logits [rows, V] of a teacher at some tokens, wide. The product is made for a multiple of 16 rows, so that few shapes occur.
    package func logits(_ states: TeacherStates, rows: some Collection<Int>) -> Tensor {
        let h = states.hidden, bytes = h.rowCount * h.dtype.size
        let chosen = Tensor.zeros([(rows.count + 15) / 16 * 16, h.rowCount], h.dtype)
        for (i, row) in rows.enumerated() { (chosen.base + i * bytes).copyMemory(from: h.base + row * bytes, byteCount: bytes) }
        return logits(ofHidden: chosen).slice(0..<rows.count)
    }

    /// Cross-entropy of labelled tokens mixed with divergence from a teacher, as `objective` says. See `DistillationLoss` for the three numbers. What `lesson` adds
    /// to the loss is not among them, but flows back with them.
    package func loss(
        _ input: TokenInput, _ objective: DistillationLoss, teacher: TeacherStates, matching lesson: StreamLesson? = nil, _ tape: inout Tape,
        checkpointing: Bool = false, spare: Int = 0
    ) -> Variable {
        let h = hidden(input, &tape, checkpointing: checkpointing, spare: spare) { layer, x, tape in
            lesson.map { tape.apply($0.match(teacher.stream[layer]), x) } ?? x
        }
        return tape.apply(objective, h, headWeight(&tape), Variable(constant: teacher.hidden), Variable(constant: teacher.head))
    }

    /// The same against what is kept of a teacher's answers.
    package func loss(
        _ input: TokenInput, _ objective: SparseDistillationLoss, _ tape: inout Tape, checkpointing: Bool = false, spare: Int = 0
    ) -> Variable {
        let h = hidden(input, &tape, checkpointing: checkpointing, spare: spare)
        return tape.apply(objective, h, headWeight(&tape))
    }
}
