import CShims

/// Root mean square norm over the last dimension (arXiv 1910.07467).
package enum RMSNorm {
    private static let block = 64

    /// h[t] = x[t] / rms(x[t]) * w, as `output`; also 1/rms per row, which the pullback needs.
    package static func forward(_ x: Tensor, weight: Tensor, epsilon: Double, output: DType) -> (h: Tensor, rstd: Tensor) {
        let d = weight.count, rows = x.count / d
        let h = Tensor(x.shape, output), rstd = Tensor([rows], x.dtype)
        let px = Address(x.base), pw = Address(weight.base), ph = Address(h.base), pr = Address(rstd.base), type = x.dtype
        Parallel.forBlocks(of: rows, block: block) { r in
            let n = r.count, xo = px.raw + r.lowerBound * d * type.size, ho = ph.raw + r.lowerBound * d * output.size
            let ro = pr.raw + r.lowerBound * type.size
            switch output {
            case .f32: heal_rmsnorm_forward_f32(n, d, xo.f32, pw.raw.f32, Float(epsilon), ho.f32, ro.f32)
            case .f64: heal_rmsnorm_forward_f64(n, d, xo.f64, pw.raw.f64, epsilon, ho.f64, ro.f64)
            case .bf16: heal_rmsnorm_forward_bf16(n, d, xo.f32, pw.raw.f32, Float(epsilon), ho.bf16, ro.f32)
            }
        }
        return (h, rstd)
    }

    /// Whether h / w gives x / rms(x) back: no weight is zero or so small that h may have lost its bits.
    package static func canDivide(by weight: Tensor) -> Bool {
        switch weight.dtype {
        case .f64: (0..<weight.count).allSatisfy { abs(weight.base.f64[$0]) > 1e-30 }
        default: (0..<weight.count).allSatisfy { abs(weight.base.f32[$0]) > 1e-30 }
        }
    }

    /// Cotangents of x (added to or written) and, if wanted, of the weight. `dy`, `x`, `dx` are wide.
    package static func backward(
        _ dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor, dx: Tensor, accumulate: Bool, dWeight: (target: Tensor, accumulate: Bool)?
    ) {
        let d = weight.count, px = Address(x.base), type = x.dtype
        rowBlocks(dy, weight: weight, rstd: rstd, dx: dx, dWeight: dWeight) { row, n, dy, w, r, dx, dw in
            let from = px.raw + row * d * type.size
            if type == .f64 {
                heal_rmsnorm_backward_f64(n, d, dy.f64, from.f64, w.f64, r.f64, dx.f64, dw?.f64, accumulate ? 1 : 0)
            } else {
                heal_rmsnorm_backward_f32(n, d, dy.f32, from.f32, w.f32, r.f32, dx.f32, dw?.f32, accumulate ? 1 : 0)
            }
        }
    }

    /// The same from the norm's output `h`; the weight must pass `canDivide`.
    package static func backward(
        _ dy: Tensor, h: Tensor, weight: Tensor, rstd: Tensor, dx: Tensor, accumulate: Bool, dWeight: (target: Tensor, accumulate: Bool)?
    ) {
        let d = weight.count, ph = Address(h.base), type = h.dtype
        rowBlocks(dy, weight: weight, rstd: rstd, dx: dx, dWeight: dWeight) { row, n, dy, w, r, dx, dw in
            let from = ph.raw + row * d * type.size
            switch type {
            case .f64: heal_rmsnorm_backward_output_f64(n, d, dy.f64, from.f64, w.f64, r.f64, dx.f64, dw?.f64, accumulate ? 1 : 0)
            case .f32: heal_rmsnorm_backward_output_f32(n, d, dy.f32, from.f32, w.f32, r.f32, dx.f32, dw?.f32, accumulate ? 1 : 0)
            case .bf16: heal_rmsnorm_backward_output_bf16(n, d, dy.f32, from.bf16, w.f32, r.f32, dx.f32, dw?.f32, accumulate ? 1 : 0)
            }
        }
    }

    /// Calls `body` for each block of rows with its first row, its number of rows, and where dy, w, rstd, dx and the block's own sum for dw lie.
    /// The blocks' sums are added in order afterwards.
    private static func rowBlocks(
        _ dy: Tensor, weight: Tensor, rstd: Tensor, dx: Tensor, dWeight: (target: Tensor, accumulate: Bool)?,
        _ body: @Sendable (
            _ row: Int, _ n: Int, _ dy: UnsafeMutableRawPointer, _ w: UnsafeMutableRawPointer, _ rstd: UnsafeMutableRawPointer,
            _ dx: UnsafeMutableRawPointer, _ dw: UnsafeMutableRawPointer?
        ) -> Void
    ) {
        let d = weight.count, rows = dy.count / d, type = dy.dtype
        let blocks = (rows + block - 1) / block
        let partial = dWeight.map { _ in Tensor.zeros([blocks, d], type) }
        let pdy = Address(dy.base), pw = Address(weight.base), pr = Address(rstd.base), pdx = Address(dx.base)
        let pp = partial.map { Address($0.base) }
        Parallel.forBlocks(of: rows, block: block) { r in
            let o = r.lowerBound * d * type.size
            body(
                r.lowerBound, r.count, pdy.raw + o, pw.raw, pr.raw + r.lowerBound * type.size, pdx.raw + o,
                pp.map { $0.raw + r.lowerBound / block * d * type.size })
        }
        if let partial, let dWeight { Elementwise.columnSum(partial, into: dWeight.target, accumulate: dWeight.accumulate) }
    }

    /// The same norm over every head of x [rows, heads * headDim] (q and k of Qwen3).
    package static func headForward(_ x: Tensor, heads: Int, weight: Tensor, epsilon: Double) -> (h: Tensor, rstd: Tensor) {
        let hd = weight.count, d = heads * hd, rows = x.count / d, type = x.dtype
        let h = Tensor(x.shape, type), rstd = Tensor([rows, heads], type.wide)
        let px = Address(x.base), pw = Address(weight.base), ph = Address(h.base), pr = Address(rstd.base)
        Parallel.forBlocks(of: rows, block: block) { r in
            let n = r.count, o = r.lowerBound * d * type.size, ro = pr.raw + r.lowerBound * heads * type.wide.size
            switch type {
            case .f32: heal_headnorm_forward_f32(n, heads, hd, (px.raw + o).f32, d, pw.raw.f32, Float(epsilon), (ph.raw + o).f32, d, ro.f32)
            case .f64: heal_headnorm_forward_f64(n, heads, hd, (px.raw + o).f64, d, pw.raw.f64, epsilon, (ph.raw + o).f64, d, ro.f64)
            case .bf16: heal_headnorm_forward_bf16(n, heads, hd, (px.raw + o).bf16, d, pw.raw.f32, Float(epsilon), (ph.raw + o).bf16, d, ro.f32)
            }
        }
        return (h, rstd)
    }

    package static func headBackward(
        _ dy: Tensor, x: Tensor, heads: Int, weight: Tensor, rstd: Tensor, dWeight: (target: Tensor, accumulate: Bool)?
    ) -> Tensor {
        let hd = weight.count, d = heads * hd, rows = x.count / d, type = x.dtype
        let dx = Tensor(x.shape, type), blocks = (rows + block - 1) / block
        let partial = dWeight.map { _ in Tensor.zeros([blocks, hd], type.wide) }
        let pdy = Address(dy.base), px = Address(x.base), pw = Address(weight.base), pr = Address(rstd.base), pdx = Address(dx.base)
        let pp = partial.map { Address($0.base) }
        Parallel.forBlocks(of: rows, block: block) { r in
            let n = r.count, o = r.lowerBound * d * type.size, ro = pr.raw + r.lowerBound * heads * type.wide.size
            let dw = pp.map { $0.raw + r.lowerBound / block * hd * type.wide.size }
            switch type {
            case .f32:
                heal_headnorm_backward_f32(n, heads, hd, (pdy.raw + o).f32, d, (px.raw + o).f32, d, pw.raw.f32, ro.f32, (pdx.raw + o).f32, d, dw?.f32)
            case .f64:
                heal_headnorm_backward_f64(n, heads, hd, (pdy.raw + o).f64, d, (px.raw + o).f64, d, pw.raw.f64, ro.f64, (pdx.raw + o).f64, d, dw?.f64)
            case .bf16:
                heal_headnorm_backward_bf16(
                    n, heads, hd, (pdy.raw + o).bf16, d, (px.raw + o).bf16, d, pw.raw.f32, ro.f32, (pdx.raw + o).bf16, d, dw?.f32)
            }
        }
        if let partial, let dWeight { Elementwise.columnSum(partial, into: dWeight.target, accumulate: dWeight.accumulate) }
        return dx
    }
}
