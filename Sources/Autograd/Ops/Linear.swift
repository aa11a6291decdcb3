import Kernels

/// y = x W^T (+ bias) (+ residual). Inputs: x [T, in], W [out, in] of x's type, then bias [out] wide if `hasBias`, then a wide residual [T, out]
/// if `hasResidual`. Output [T, out]: of x's type, or wide with a residual.
///
/// Kept: x only if W is trained, W only if x wants a cotangent; in the type it came in, so that a W in narrower memory than products stays there.
package struct Linear: Primitive {
    let hasBias: Bool
    let hasResidual: Bool
    package init(hasBias: Bool = false, hasResidual: Bool = false) {
        self.hasBias = hasBias
        self.hasResidual = hasResidual
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let x = inputs[0], w = Elementwise.convert(inputs[1], to: x.dtype)
        let frame = LinearFrame(hasBias: hasBias, hasResidual: hasResidual, firstExtra: 2)
        let y = frame.forward(x, rows: w.rows, inputs) { out, accumulate in
            GEMM.multiply(x, w, transposeB: true, into: out, accumulate: accumulate)
        }
        return Evaluation(y, saved: [wants[1] ? x : Tensor([0], x.dtype), wants[0] ? inputs[1] : Tensor([0], x.dtype)])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let x = saved[0]
        let frame = LinearFrame(hasBias: hasBias, hasResidual: hasResidual, firstExtra: 2)
        let dy = frame.pullback(cotangent, type: x.dtype, into: &cotangents)
        cotangents.write(0) { dx, accumulate in GEMM.multiply(dy, Elementwise.convert(saved[1], to: x.dtype), into: dx, accumulate: accumulate) }
        cotangents.write(1) { dw, accumulate in GEMM.multiply(dy, transposeA: true, x, into: dw, accumulate: accumulate) }
    }
}

/// What every linear map does around its product: bias, residual, and the type of the cotangent.
struct LinearFrame {
    let hasBias: Bool
    let hasResidual: Bool
    /// Index of the first input after x and the weights.
    let firstExtra: Int

    func forward(_ x: Tensor, rows: Int, _ inputs: [Tensor], product: (Tensor, Bool) -> Void) -> Tensor {
        let y: Tensor
        if hasResidual {
            y = inputs[firstExtra + (hasBias ? 1 : 0)].copy()
            product(y, true)
        } else {
            y = Tensor([x.rows, rows], x.dtype)
            product(y, false)
        }
        if hasBias { Elementwise.addBias(inputs[firstExtra], to: y) }
        return y
    }

    /// Passes on to bias and residual; returns the cotangent in the type products take.
    func pullback(_ cotangent: Tensor, type: DType, into cotangents: inout Cotangents) -> Tensor {
        if hasBias {
            cotangents.write(firstExtra) { db, accumulate in Elementwise.columnSum(cotangent, into: db, accumulate: accumulate) }
        }
        if hasResidual { cotangents.add(firstExtra + (hasBias ? 1 : 0), cotangent) }
        return Elementwise.convert(cotangent, to: type)
    }
}
