import Kernels

/// Causal grouped-head attention inside each segment. Inputs: q [T, heads * headDim], k, v [T, kvHeads * headDim].
///
/// Kept: q, k, v, the output and the log-sum-exp of each row; scores are computed again in the pullback (arXiv 2205.14135).
package struct CausalAttention: Primitive {
    let attention: Attention
    let segments: [Int]
    package init(_ attention: Attention, segments: [Int]) {
        self.attention = attention
        self.segments = segments
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let (o, lse) = attention.forward(q: inputs[0], k: inputs[1], v: inputs[2], segments: segments)
        return Evaluation(o, saved: inputs + [o, lse])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let (dq, dk, dv) = attention.backward(
            cotangent, q: saved[0], k: saved[1], v: saved[2], o: saved[3], lse: saved[4], segments: segments)
        cotangents.add(0, dq)
        cotangents.add(1, dk)
        cotangents.add(2, dv)
    }
}
