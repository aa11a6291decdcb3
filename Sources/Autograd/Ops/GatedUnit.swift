import Kernels

/// silu(gate) * up (SwiGLU, arXiv 2002.05202). Inputs: gate, up [T, F]. Kept: both.
package struct GatedUnit: Primitive {
    package init() {}

    package var isCheap: Bool { true }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        Evaluation(SwiGLU.forward(gate: inputs[0], up: inputs[1]), saved: inputs)
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let (dGate, dUp) = SwiGLU.backward(cotangent, gate: saved[0], up: saved[1])
        cotangents.add(0, dGate)
        cotangents.add(1, dUp)
    }
}
