import Kernels

/// The head under a loss: logits for one chunk of tokens at a time, which become their own gradient and are used up at once. The whole [T, V] matrix
/// never exists, and the pullback has only to hand out what the forward pass found.
enum ChunkedHead {
    /// Rows of logits in flight.
    private static let chunk = 512

    /// Goes over `rows` of h [T, D] with the head `weight` [V, D], of h's type or wide.
    ///
    /// - Parameters:
    ///   - wants: whether h and the weight want a cotangent.
    ///   - loss: is given a range of places in `rows` and their wide logits [range, V]; puts the gradient of the loss in their place.
    /// - Returns: what `pullback` takes as `saved`.
    static func run(
        _ h: Tensor, _ weight: Tensor, rows: [Int], wants: [Bool], loss: (_ places: Range<Int>, _ logits: Tensor) -> GEMM.Operand?
    ) -> [Tensor] {
        let type = h.dtype, wide = type.wide, d = h.rowCount
        let w = Elementwise.convert(weight, to: type), x = gather(h, rows)
        let dx = wants[0] ? Tensor([rows.count, d], wide) : Tensor([0, d], wide)
        let dw = wants[1] ? Tensor(w.shape, wide) : Tensor([0], wide)
        for start in stride(from: 0, to: rows.count, by: chunk) {
            let range = start..<min(rows.count, start + chunk), part = x.slice(range)
            let logits = logits(part, w)
            // The gradient lies in their memory.
            defer { withExtendedLifetime(logits) {} }
            guard let dLogits = loss(range, logits) else { continue }
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
        return [dx, dw, Tensor([0, h.rows, d], wide)]
    }

    /// Wide logits of rows of h.
    static func logits(_ h: Tensor, _ weight: Tensor) -> Tensor {
        let logits = Tensor([h.rows, weight.rows], h.dtype.wide)
        Stopwatch.time("head product") { GEMM.multiply(h, weight, transposeB: true, into: logits) }
        return logits
    }

    /// Adds the cotangents of inputs 0 (h) and 1 (the weight), `factor` times what was found.
    static func pullback(_ factor: Double, saved: [Tensor], rows: [Int], into cotangents: inout Cotangents) {
        let dx = saved[0], dw = saved[1], T = saved[2].shape[1], d = saved[2].shape[2], wide = dx.dtype
        if cotangents.wants(0) {
            let out = Tensor.zeros([T, d], wide)
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

    static func gather(_ h: Tensor, _ rows: [Int]) -> Tensor {
        let out = Tensor([rows.count, h.rowCount], h.dtype), bytes = h.rowCount * h.dtype.size
        for (i, row) in rows.enumerated() { (out.base + i * bytes).copyMemory(from: h.base + row * bytes, byteCount: bytes) }
        return out
    }
}
