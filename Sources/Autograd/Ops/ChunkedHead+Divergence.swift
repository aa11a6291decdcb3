import Kernels

/// What losses with a teacher share: a CE + b D over chunks of tokens, and its two sums.
extension ChunkedHead {
    /// - Parameters:
    ///   - wants: as for ``run``.
    ///   - crossEntropyFactor: a.
    ///   - divergenceFactor: b.
    ///   - loss: is given a range of places in `rows`, their wide logits [range, V], where the CE and the D of each place go, of the logits' type, and
    ///     the type of the gradient, which it puts in the logits' place; nil wants none.
    /// - Returns: [3], f64: the loss, the sum of CE, the sum of D.
    static func divergence(
        _ h: Tensor, _ weight: Tensor, rows: [Int], wants: [Bool], crossEntropyFactor: Double, divergenceFactor: Double,
        loss: (_ places: Range<Int>, _ logits: Tensor, _ crossEntropy: UnsafeMutableRawPointer, _ divergence: UnsafeMutableRawPointer, _ gradient: DType?) -> GEMM.Operand?
    ) -> Evaluation {
        let type = h.dtype
        var crossEntropy = 0.0, divergence = 0.0
        let saved = run(h, weight, rows: rows, wants: wants) { places, logits in
            let ce = Tensor([places.count], type.wide), d = Tensor([places.count], type.wide)
            let gradient = loss(places, logits, ce.base, d.base, wants.contains(true) ? type : nil)
            for value in ce.doubles() { crossEntropy += value }
            for value in d.doubles() { divergence += value }
            return gradient
        }
        return Evaluation(Tensor([crossEntropyFactor * crossEntropy + divergenceFactor * divergence, crossEntropy, divergence], [3]), saved: saved)
    }

    /// Nothing flows back from the two sums.
    static func divergencePullback(_ cotangent: Tensor, saved: [Tensor], rows: [Int], into cotangents: inout Cotangents) {
        let sums = (cotangent.base.f64[1], cotangent.base.f64[2])
        precondition(sums == (0, 0), "a loss with a teacher: only the loss itself has a gradient, not its parts")
        pullback(cotangent.base.f64[0], saved: saved, rows: rows, into: &cotangents)
    }
}
