import CShims

/// silu(gate) * up (arXiv 2002.05202).
package enum SwiGLU {
    private static let block = 1 << 14

    package static func forward(gate: Tensor, up: Tensor) -> Tensor {
        let out = Tensor(gate.shape, gate.dtype), type = gate.dtype
        let g = Address(gate.base), u = Address(up.base), a = Address(out.base)
        Parallel.forBlocks(of: gate.count, block: block) { r in
            let n = r.count, o = r.lowerBound * type.size
            switch type {
            case .f32: heal_swiglu_forward_f32(n, (g.raw + o).f32, (u.raw + o).f32, (a.raw + o).f32)
            case .f64: heal_swiglu_forward_f64(n, (g.raw + o).f64, (u.raw + o).f64, (a.raw + o).f64)
            case .bf16: heal_swiglu_forward_bf16(n, (g.raw + o).bf16, (u.raw + o).bf16, (a.raw + o).bf16)
            }
        }
        return out
    }

    package static func backward(_ cotangent: Tensor, gate: Tensor, up: Tensor) -> (gate: Tensor, up: Tensor) {
        let dg = Tensor(gate.shape, gate.dtype), du = Tensor(gate.shape, gate.dtype), type = gate.dtype
        let g = Address(gate.base), u = Address(up.base), d = Address(cotangent.base), pg = Address(dg.base), pu = Address(du.base)
        Parallel.forBlocks(of: gate.count, block: block) { r in
            let n = r.count, o = r.lowerBound * type.size
            switch type {
            case .f32: heal_swiglu_backward_f32(n, (d.raw + o).f32, (g.raw + o).f32, (u.raw + o).f32, (pg.raw + o).f32, (pu.raw + o).f32)
            case .f64: heal_swiglu_backward_f64(n, (d.raw + o).f64, (g.raw + o).f64, (u.raw + o).f64, (pg.raw + o).f64, (pu.raw + o).f64)
            case .bf16: heal_swiglu_backward_bf16(n, (d.raw + o).bf16, (g.raw + o).bf16, (u.raw + o).bf16, (pg.raw + o).bf16, (pu.raw + o).bf16)
            }
        }
        return (dg, du)
    }
}
