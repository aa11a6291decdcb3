import Autograd
import Kernels

/// What a teacher says about the tokens of one batch, short of the last product: logits are made where they are used, a chunk at a time.
package struct TeacherStates: Sendable {
    /// Output of the last norm, [T, hidden].
    let hidden: Tensor
    let head: Tensor
}

extension LlamaModel {
    /// The states of this model as a teacher. Nothing is recorded, so no more than one block's activations exist at a time.
    package func teach(_ input: TokenInput) -> TeacherStates {
        var tape = Tape(records: false)
        return TeacherStates(hidden: hidden(input, &tape).value, head: headWeight(&tape).value)
    }

    /// Logits [rows, V] of a teacher at some tokens, wide. The product is made for a multiple of 16 rows, so that few shapes occur.
    package func logits(_ states: TeacherStates, rows: some Collection<Int>) -> Tensor {
        let h = states.hidden, bytes = h.rowCount * h.dtype.size
        let chosen = Tensor.zeros([(rows.count + 15) / 16 * 16, h.rowCount], h.dtype)
        for (i, row) in rows.enumerated() { (chosen.base + i * bytes).copyMemory(from: h.base + row * bytes, byteCount: bytes) }
        return logits(ofHidden: chosen).slice(0..<rows.count)
    }

    /// Cross-entropy of labelled tokens mixed with divergence from a teacher, as `objective` says. See `DistillationLoss` for the three numbers.
    package func loss(
        _ input: TokenInput, _ objective: DistillationLoss, teacher: TeacherStates, _ tape: inout Tape, checkpointing: Bool = false, spare: Int = 0
    ) -> Variable {
        let h = hidden(input, &tape, checkpointing: checkpointing, spare: spare)
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
