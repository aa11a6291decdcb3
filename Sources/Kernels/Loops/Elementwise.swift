import CShims

/// Element-wise loops over whole tensors, in blocks that depend on the size alone.
package enum Elementwise {
    static let block = 1 << 15

    /// target = x, or target += x. Types may differ; the sum is rounded once, to the target's type.
    package static func add(_ x: Tensor, into target: Tensor, accumulate: Bool) {
        precondition(x.count == target.count, "add: \(x.shape) into \(target.shape)")
        let from = Address(x.base), to = Address(target.base)
        let (ft, tt) = (x.dtype, target.dtype)
        Parallel.forBlocks(of: x.count, block: block) { r in
            let n = r.count
            let a = from.raw + r.lowerBound * ft.size, b = to.raw + r.lowerBound * tt.size
            switch (ft, tt, accumulate) {
            case (.f32, .f32, true): heal_add_f32(n, a.f32, b.f32, b.f32)
            case (.f64, .f64, true): heal_add_f64(n, a.f64, b.f64, b.f64)
            case (.bf16, .f32, true): heal_residual_add_activation_bf16(n, a.bf16, b.f32)
            case (_, _, false): convertBlock(n, a, ft, b, tt)
            case (_, .bf16, true):
                var wide = [Float](repeating: 0, count: n)
                heal_convert_bf16_to_f32(n, b.bf16, &wide)
                if ft == .f32 { heal_add_f32(n, a.f32, wide, &wide) } else { heal_residual_add_activation_bf16(n, a.bf16, &wide) }
                heal_convert_f32_to_bf16(n, wide, b.bf16)
            default: preconditionFailure("add: \(ft) into \(tt)")
            }
        }
    }

    private static func convertBlock(_ n: Int, _ a: UnsafeMutableRawPointer, _ from: DType, _ b: UnsafeMutableRawPointer, _ to: DType) {
        switch (from, to) {
        case (.f32, .bf16): heal_convert_f32_to_bf16(n, a.f32, b.bf16)
        case (.bf16, .f32): heal_convert_bf16_to_f32(n, a.bf16, b.f32)
        case (.f32, .f64): heal_convert_f32_to_f64(n, a.f32, b.f64)
        case (.f64, .f32): heal_convert_f64_to_f32(n, a.f64, b.f32)
        default:
            precondition(from == to, "no conversion from \(from) to \(to)")
            b.copyMemory(from: a, byteCount: n * from.size)
        }
    }

    /// The tensor in another type; itself if it has the type already.
    package static func convert(_ x: Tensor, to type: DType) -> Tensor {
        guard x.dtype != type else { return x }
        let out = Tensor(x.shape, type)
        add(x, into: out, accumulate: false)
        return out
    }

    package static func sum(_ x: Tensor, _ y: Tensor) -> Tensor {
        precondition(x.dtype == y.dtype && x.dtype != .bf16 && x.count == y.count, "sum: \(x.shape) \(x.dtype), \(y.shape) \(y.dtype)")
        let out = Tensor(x.shape, x.dtype), type = x.dtype
        let a = Address(x.base), b = Address(y.base), c = Address(out.base)
        Parallel.forBlocks(of: x.count, block: block) { r in
            let o = r.lowerBound * type.size
            if type == .f32 {
                heal_add_f32(r.count, (a.raw + o).f32, (b.raw + o).f32, (c.raw + o).f32)
            } else {
                heal_add_f64(r.count, (a.raw + o).f64, (b.raw + o).f64, (c.raw + o).f64)
            }
        }
        return out
    }

    package static func fillZero(_ x: Tensor) {
        let to = Address(x.base)
        Parallel.forBlocks(of: x.byteCount, block: 1 << 18) { r in (to.raw + r.lowerBound).initializeMemory(as: UInt8.self, repeating: 0, count: r.count) }
    }

    package static func scale(_ x: Tensor, by factor: Double) {
        let to = Address(x.base), type = x.dtype
        precondition(type != .bf16)
        Parallel.forBlocks(of: x.count, block: block) { r in
            let p = to.raw + r.lowerBound * type.size
            if type == .f32 { heal_scale_f32(r.count, Float(factor), p.f32) } else { heal_scale_f64(r.count, factor, p.f64) }
        }
    }

    /// Sum of squares in Double, block sums added in order.
    package static func sumOfSquares(_ x: Tensor) -> Double {
        let blocks = (x.count + block - 1) / block
        guard blocks > 0 else { return 0 }
        let partial = Memory(byteCount: blocks * 8)
        let p = Address(partial.base), from = Address(x.base), type = x.dtype, count = x.count
        Parallel.forEach(blocks) { b in
            let start = b * block, n = min(block, count - start)
            let a = from.raw + start * type.size
            p.raw.f64[b] = type == .f32 ? heal_sum_squares_f32(n, a.f32) : heal_sum_squares_f64(n, a.f64)
        }
        return (0..<blocks).reduce(0) { $0 + partial.base.f64[$1] }
    }

    /// bias[j] added to every row of x [rows, d].
    package static func addBias(_ bias: Tensor, to x: Tensor) {
        let d = bias.count, to = Address(x.base), from = Address(bias.base), type = x.dtype
        Parallel.forBlocks(of: x.count / max(d, 1), block: 64) { r in
            let p = to.raw + r.lowerBound * d * type.size
            switch type {
            case .f32: heal_bias_add_f32(r.count, d, p.f32, d, from.raw.f32)
            case .f64: heal_bias_add_f64(r.count, d, p.f64, d, from.raw.f64)
            case .bf16: heal_bias_add_bf16(r.count, d, p.bf16, d, from.raw.f32)
            }
        }
    }

    /// Sum over the rows of x [rows, d], rows in order, into `sum` [d].
    package static func columnSum(_ x: Tensor, into sum: Tensor, accumulate: Bool) {
        if !accumulate { fillZero(sum) }
        let d = sum.count
        switch x.dtype {
        case .f32: heal_column_sum_f32(x.count / d, d, x.base.f32, d, sum.base.f32)
        case .f64: heal_column_sum_f64(x.count / d, d, x.base.f64, d, sum.base.f64)
        case .bf16: heal_column_sum_bf16(x.count / d, d, x.base.bf16, d, sum.base.f32)
        }
    }
}

extension UnsafeMutableRawPointer {
    @inline(__always) package var f32: UnsafeMutablePointer<Float> { assumingMemoryBound(to: Float.self) }
    @inline(__always) package var f64: UnsafeMutablePointer<Double> { assumingMemoryBound(to: Double.self) }
    @inline(__always) package var bf16: UnsafeMutablePointer<UInt16> { assumingMemoryBound(to: UInt16.self) }
    @inline(__always) package var i32: UnsafeMutablePointer<Int32> { assumingMemoryBound(to: Int32.self) }
}
