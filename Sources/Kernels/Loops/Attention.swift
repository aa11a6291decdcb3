import CShims

/// Causal attention with grouped heads, block-diagonal over the segments of a batch. No [S, S] matrix is kept (arXiv 2205.14135).
package struct Attention: Sendable {
    package let heads: Int
    package let kvHeads: Int
    package let headDim: Int
    package let scale: Double

    package init(heads: Int, kvHeads: Int, headDim: Int) {
        self.heads = heads
        self.kvHeads = kvHeads
        self.headDim = headDim
        scale = 1 / Double(headDim).squareRoot()
    }

    /// Query rows one piece of work takes; a multiple of the kernels' own tile, so that the cut does not change the bits.
    private static let queryBlock = 512

    /// q [T, heads * headDim], k and v [T, kvHeads * headDim]; `segments` are cumulative starts, 0 and T included.
    /// Returns o like q and the log-sum-exp of each row's scores, [heads, T].
    package func forward(q: Tensor, k: Tensor, v: Tensor, segments: [Int]) -> (o: Tensor, lse: Tensor) {
        let T = q.rows, type = q.dtype
        let o = Tensor(q.shape, type), lse = Tensor([heads, T], type.wide)
        struct Piece { var start: Int, offset: Int, count: Int, head: Int }
        var pieces: [Piece] = []
        for s in 0..<segments.count - 1 {
            let length = segments[s + 1] - segments[s]
            for head in 0..<heads {
                for offset in stride(from: 0, to: length, by: Self.queryBlock) {
                    pieces.append(Piece(start: segments[s], offset: offset, count: min(Self.queryBlock, length - offset), head: head))
                }
            }
        }
        let work = pieces
        let pq = Address(q.base), pk = Address(k.base), pv = Address(v.base), po = Address(o.base), pl = Address(lse.base)
        let qs = heads * headDim, ks = kvHeads * headDim, group = heads / kvHeads
        Parallel.forEach(work.count) { i in
            let p = work[i]
            let qo = ((p.start + p.offset) * qs + p.head * headDim) * type.size
            let ko = (p.start * ks + p.head / group * headDim) * type.size
            let query = pq.raw + qo, key = pk.raw + ko, value = pv.raw + ko, output = po.raw + qo
            let logSum = pl.raw + (p.head * T + p.start + p.offset) * type.wide.size
            switch type {
            case .f32:
                let scratch = Memory(byteCount: heal_attention_forward_scratch_f32(headDim) * 4)
                heal_attention_forward_cached_f32(
                    p.count, p.offset, headDim, query.f32, qs, key.f32, ks, value.f32, ks, Float(scale),
                    output.f32, qs, logSum.f32, scratch.base.f32)
            case .f64:
                let scratch = Memory(byteCount: heal_attention_forward_scratch_f64(headDim) * 8)
                heal_attention_forward_cached_f64(
                    p.count, p.offset, headDim, query.f64, qs, key.f64, ks, value.f64, ks, scale,
                    output.f64, qs, logSum.f64, scratch.base.f64)
            case .bf16:
                let scratch = Memory(byteCount: heal_attention_forward_scratch_bf16(headDim) * 4)
                heal_attention_forward_cached_bf16(
                    p.count, p.offset, headDim, query.bf16, qs, key.bf16, ks, value.bf16, ks, Float(scale),
                    output.bf16, qs, logSum.f32, scratch.base.f32)
            }
        }
        return (o, lse)
    }

    /// n new rows q, standing at positions `start` ..< `start + n`, against a cache of keys and values [capacity, kvHeads * headDim].
    package func forward(q: Tensor, keys: Tensor, values: Tensor, start: Int) -> Tensor {
        let n = q.rows, type = q.dtype
        let o = Tensor(q.shape, type)
        let pq = Address(q.base), pk = Address(keys.base), pv = Address(values.base), po = Address(o.base)
        let qs = heads * headDim, ks = kvHeads * headDim, group = heads / kvHeads
        Parallel.forEach(heads) { head in
            let qo = head * headDim * type.size, ko = head / group * headDim * type.size
            let query = pq.raw + qo, key = pk.raw + ko, value = pv.raw + ko, output = po.raw + qo
            switch type {
            case .f32:
                let scratch = Memory(byteCount: heal_attention_forward_scratch_f32(headDim) * 4)
                heal_attention_forward_cached_f32(
                    n, start, headDim, query.f32, qs, key.f32, ks, value.f32, ks, Float(scale),
                    output.f32, qs, nil, scratch.base.f32)
            case .f64:
                let scratch = Memory(byteCount: heal_attention_forward_scratch_f64(headDim) * 8)
                heal_attention_forward_cached_f64(
                    n, start, headDim, query.f64, qs, key.f64, ks, value.f64, ks, scale,
                    output.f64, qs, nil, scratch.base.f64)
            case .bf16:
                let scratch = Memory(byteCount: heal_attention_forward_scratch_bf16(headDim) * 4)
                heal_attention_forward_cached_bf16(
                    n, start, headDim, query.bf16, qs, key.bf16, ks, value.bf16, ks, Float(scale),
                    output.bf16, qs, nil, scratch.base.f32)
            }
        }
        return o
    }

    /// Cotangents of q, k and v. The query heads that share a key head are done by one worker in order, so the sums have one order.
    package func backward(
        _ dout: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, segments: [Int]
    ) -> (q: Tensor, k: Tensor, v: Tensor) {
        let T = q.rows, type = q.dtype, wide = type.wide
        let dq = Tensor(q.shape, type), dk = Tensor(k.shape, type), dv = Tensor(v.shape, type)
        let pq = Address(q.base), pk = Address(k.base), pv = Address(v.base), po = Address(o.base), pd = Address(dout.base)
        let pl = Address(lse.base), pdq = Address(dq.base), pdk = Address(dk.base), pdv = Address(dv.base)
        let qs = heads * headDim, ks = kvHeads * headDim, group = heads / kvHeads
        // Long segments first, so that the last pieces to finish are short ones.
        let lengths: [Int] = zip(segments, segments.dropFirst()).map { $1 - $0 }
        let order: [Int] = lengths.indices.sorted { lengths[$0] > lengths[$1] }
        Parallel.forEach(order.count * kvHeads) { i in
            let segment = order[i / kvHeads], kvHead = i % kvHeads
            let start: Int = segments[segment], n: Int = segments[segment + 1] - start
            guard n > 0 else { return }
            let sums = Tensor.zeros([2, n, headDim], wide)
            let ko = (start * ks + kvHead * headDim) * type.size
            let key = pk.raw + ko, value = pv.raw + ko
            let half: Int = n * headDim * wide.size, dkSum = sums.base, dvSum = sums.base + half
            for head in kvHead * group..<(kvHead + 1) * group {
                let qo: Int = (start * qs + head * headDim) * type.size
                let query = pq.raw + qo, output = po.raw + qo
                let cotangent = pd.raw + qo, dQuery = pdq.raw + qo
                let logSum = pl.raw + (head * T + start) * wide.size
                switch type {
                case .f32:
                    let scratch = Memory(byteCount: heal_attention_backward_scratch_f32(headDim) * 4)
                    heal_attention_backward_f32(
                        n, headDim, query.f32, qs, key.f32, ks, value.f32, ks, output.f32, qs, cotangent.f32, qs, logSum.f32,
                        Float(scale), dQuery.f32, qs, dkSum.f32, dvSum.f32, scratch.base.f32)
                case .f64:
                    let scratch = Memory(byteCount: heal_attention_backward_scratch_f64(headDim) * 8)
                    heal_attention_backward_f64(
                        n, headDim, query.f64, qs, key.f64, ks, value.f64, ks, output.f64, qs, cotangent.f64, qs, logSum.f64,
                        scale, dQuery.f64, qs, dkSum.f64, dvSum.f64, scratch.base.f64)
                case .bf16:
                    let scratch = Memory(byteCount: heal_attention_backward_scratch_bf16(headDim) * 4)
                    heal_attention_backward_bf16(
                        n, headDim, query.bf16, qs, key.bf16, ks, value.bf16, ks, output.bf16, qs, cotangent.bf16, qs, logSum.f32,
                        Float(scale), dQuery.bf16, qs, dkSum.f32, dvSum.f32, scratch.base.f32)
                }
            }
            scatter(dkSum, n, to: pdk.raw + ko, type)
            scatter(dvSum, n, to: pdv.raw + ko, type)
        }
        return (dq, dk, dv)
    }

    /// Contiguous wide rows [n, headDim] into one head's place in [n, kvHeads * headDim].
    private func scatter(_ from: UnsafeMutableRawPointer, _ n: Int, to: UnsafeMutableRawPointer, _ type: DType) {
        for row in 0..<n {
            let a = from + row * headDim * type.wide.size
            let b = to + row * kvHeads * headDim * type.size
            if type == .bf16 {
                heal_convert_f32_to_bf16(headDim, a.f32, b.bf16)
            } else {
                b.copyMemory(from: a, byteCount: headDim * type.size)
            }
        }
    }
}
