import CShims

/// Reordering of axes with, where wanted, a conversion on the way.
package enum Permute {
    /// out[i0, i1, ...] = in[...] where axis a of the output is axis `order[a]` of the input.
    package static func axes(_ x: Tensor, _ order: [Int], to type: DType? = nil) -> Tensor {
        let shape = order.map { x.shape[$0] }
        let moved = order.filter { x.shape[$0] != 1 }
        // Nothing moves in memory when only axes of length 1 change places.
        if moved == moved.sorted(), type == nil || type == x.dtype { return x.reshaped(shape) }
        let out = Tensor(shape, type ?? x.dtype)
        var strides = [Int](repeating: 1, count: x.shape.count)
        for a in stride(from: x.shape.count - 2, through: 0, by: -1) { strides[a] = strides[a + 1] * x.shape[a + 1] }
        let inStrides = order.map { strides[$0] }
        let pieces = min(shape[0], 64), per = (shape[0] + max(pieces, 1) - 1) / max(pieces, 1)
        let from = Address(x.base), to = Address(out.base), ft = x.dtype, tt = out.dtype
        Parallel.forBlocks(of: shape[0], block: max(per, 1)) { r in
            strided(shape: shape, inStrides: inStrides, range: r, from: from.raw, ft, to: to.raw, tt)
        }
        return out
    }

    /// Rows `range` of the output's first axis, on the calling thread. `to` is the output's start.
    package static func strided(
        shape: [Int], inStrides: [Int], range: Range<Int>, from: UnsafeRawPointer, _ ft: DType, to: UnsafeMutableRawPointer, _ tt: DType
    ) {
        precondition(!shape.isEmpty && shape.count == inStrides.count, "permute: shape \(shape), strides \(inStrides)")
        let a = UnsafeMutableRawPointer(mutating: from), rank = Int32(shape.count)
        switch (ft, tt) {
        case (.f32, .f32): heal_permute_strided_f32_to_f32(rank, shape, inStrides, range.lowerBound, range.upperBound, a.f32, to.f32)
        case (.f32, .bf16): heal_permute_strided_f32_to_bf16(rank, shape, inStrides, range.lowerBound, range.upperBound, a.f32, to.bf16)
        case (.bf16, .f32): heal_permute_strided_bf16_to_f32(rank, shape, inStrides, range.lowerBound, range.upperBound, a.bf16, to.f32)
        case (.bf16, .bf16): heal_permute_strided_bf16_to_bf16(rank, shape, inStrides, range.lowerBound, range.upperBound, a.bf16, to.bf16)
        case (.f64, .f64): heal_permute_strided_f64_to_f64(rank, shape, inStrides, range.lowerBound, range.upperBound, a.f64, to.f64)
        default: preconditionFailure("permute: \(ft) to \(tt)")
        }
    }
}
