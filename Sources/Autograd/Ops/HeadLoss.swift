import Kernels

/// Sum of cross-entropies of the labelled tokens: head and softmax fused, in chunks of tokens. Inputs: h [T, D], head W [V, D] of h's type or wide.
/// Output: one f64 number. `labels[t]` is the token to predict at t; negative ones do not count and cost nothing.
///
/// The whole [T, V] matrix never exists: each chunk's logits become their own gradient and are used up at once, so the pullback has only to hand out
/// what the forward pass found. The sum is not divided: that is done once for the whole accumulation window.
package struct HeadLoss: Primitive {
    let labels: [Int32]
    /// Rows of logits in flight.
    private static let chunk = 512

    package init(labels: [Int32]) { self.labels = labels }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let h = inputs[0], type = h.dtype, wide = type.wide, d = h.rowCount
        let w = Elementwise.convert(inputs[1], to: type)
        let rows = labels.indices.filter { labels[$0] >= 0 }
        let targets = rows.map { labels[$0] }
        let wantsGradient = wants.contains(true)
        let x = Self.gather(h, rows)
        let dx = wants[0] ? Tensor([rows.count, d], wide) : Tensor([0, d], wide)
        let dw = wants[1] ? Tensor(w.shape, wide) : Tensor([0], wide)
        var total = 0.0
        for start in stride(from: 0, to: rows.count, by: Self.chunk) {
            let range = start..<min(rows.count, start + Self.chunk), part = x.slice(range)
            let logits = Tensor([range.count, w.rows], wide)
            Stopwatch.time("head product") { GEMM.multiply(part, w, transposeB: true, into: logits) }
            let loss = Memory(byteCount: range.count * 8)
            let dLogits = CrossEntropy.rows(logits, labels: targets[range], loss: loss.base, gradient: wantsGradient ? type : nil)
            for i in 0..<range.count { total += wide == .f64 ? loss.base.f64[i] : Double(loss.base.f32[i]) }
            guard let dLogits else { continue }
            if wants[0] {
                Stopwatch.time("head dx") {
                    GEMM.run(
                        m: range.count, n: d, k: w.rows, dLogits, .init(w.base, stride: d), inputs: type, into: dx.slice(range).base, stride: d,
                        output: wide)
                }
            }
            if wants[1] {
                var transposed = dLogits
                transposed.transposed = true
                GEMM.run(
                    m: w.rows, n: d, k: range.count, transposed, .init(part.base, stride: d), inputs: type, into: dw.base, stride: d,
                    output: wide, accumulate: start > 0)
            }
        }
        if wants[1], rows.isEmpty { Elementwise.fillZero(dw) }
        return Evaluation(Tensor([total], [1]), saved: [dx, dw, Tensor([0, h.rows, d], wide)])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let dx = saved[0], dw = saved[1], T = saved[2].shape[1], d = saved[2].shape[2], wide = dx.dtype
        let factor = cotangent.base.f64[0]
        if cotangents.wants(0) {
            let out = Tensor.zeros([T, d], wide)
            let rows = labels.indices.filter { labels[$0] >= 0 }
            let bytes = d * wide.size
            for (i, row) in rows.enumerated() { (out.base + row * bytes).copyMemory(from: dx.base + i * bytes, byteCount: bytes) }
            if factor != 1 { Elementwise.scale(out, by: factor) }
            cotangents.add(0, out)
        }
        if cotangents.wants(1) {
            if factor != 1 { Elementwise.scale(dw, by: factor) }
            cotangents.add(1, dw)
        }
    }

    private static func gather(_ h: Tensor, _ rows: [Int]) -> Tensor {
        let out = Tensor([rows.count, h.rowCount], h.dtype), bytes = h.rowCount * h.dtype.size
        for (i, row) in rows.enumerated() { (out.base + i * bytes).copyMemory(from: h.base + row * bytes, byteCount: bytes) }
        return out
    }
}
