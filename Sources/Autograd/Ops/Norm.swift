import Kernels

/// Root mean square norm: h = x / rms(x) * w (arXiv 1910.07467). Inputs: x [T, D] wide, w [D] wide. Output [T, D] of `output` type.
///
/// Kept: h and one number a row; x / rms(x) is h / w. The products that take h keep it anyway, so the norm costs no memory of its own. Where some w is
/// zero, x is kept instead. The output's cotangent is wide, because several products add to it.
package struct Norm: Primitive {
    let epsilon: Double
    let output: DType
    package init(epsilon: Double, output: DType) {
        self.epsilon = epsilon
        self.output = output
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let (h, rstd) = RMSNorm.forward(inputs[0], weight: inputs[1], epsilon: epsilon, output: output)
        return Evaluation(h, saved: [RMSNorm.canDivide(by: inputs[1]) ? h : inputs[0], inputs[1], rstd])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let kept = saved[0], w = saved[1], rstd = saved[2]
        let wantsX = cotangents.wants(0)
        func run(_ dx: Tensor, _ accumulate: Bool, _ dw: (target: Tensor, accumulate: Bool)?) {
            if RMSNorm.canDivide(by: w) {
                RMSNorm.backward(cotangent, h: kept, weight: w, rstd: rstd, dx: dx, accumulate: accumulate, dWeight: dw)
            } else {
                RMSNorm.backward(cotangent, x: kept, weight: w, rstd: rstd, dx: dx, accumulate: accumulate, dWeight: dw)
            }
        }
        if cotangents.wants(1) {
            let scratch = Tensor(cotangent.shape, cotangent.dtype)
            cotangents.write(1) { dw, accumulate in run(scratch, false, (dw, accumulate)) }
            if wantsX { cotangents.add(0, scratch) }
        } else if wantsX {
            cotangents.write(0) { dx, accumulate in run(dx, accumulate, nil) }
        }
    }

    package func cotangentType(ofOutput type: DType) -> DType { type.wide }
}

/// The same norm over every head (q and k of Qwen3). Inputs: x [T, heads * headDim], w [headDim].
package struct HeadNorm: Primitive {
    let heads: Int
    let epsilon: Double
    package init(heads: Int, epsilon: Double) {
        self.heads = heads
        self.epsilon = epsilon
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let (h, rstd) = RMSNorm.headForward(inputs[0], heads: heads, weight: inputs[1], epsilon: epsilon)
        return Evaluation(h, saved: [inputs[0], inputs[1], rstd])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        func run(_ dw: (target: Tensor, accumulate: Bool)?) -> Tensor {
            RMSNorm.headBackward(cotangent, x: saved[0], heads: heads, weight: saved[1], rstd: saved[2], dWeight: dw)
        }
        if cotangents.wants(1) {
            var dx: Tensor?
            cotangents.write(1) { dw, accumulate in dx = run((dw, accumulate)) }
            cotangents.add(0, dx!)
        } else {
            cotangents.add(0, run(nil))
        }
    }
}
