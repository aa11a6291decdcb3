import Kernels

/// Sum of cross-entropies of the labelled tokens: head and softmax fused, in chunks of tokens (`ChunkedHead`). Inputs: h [T, D], head W [V, D] of h's type or
/// wide. Output: one f64 number. `labels[t]` is the token to predict at t; negative ones do not count and cost nothing.
///
/// The sum is not divided: that is done once for the whole accumulation window.
package struct HeadLoss: Primitive {
    private let rows: [Int]
    /// Of `rows`.
    private let labels: [Int32]

    package init(labels: [Int32]) {
        rows = labels.indices.filter { labels[$0] >= 0 }
        self.labels = rows.map { labels[$0] }
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let type = inputs[0].dtype
        var total = 0.0
        let saved = ChunkedHead.run(inputs[0], inputs[1], rows: rows, wants: wants) { places, logits in
            let loss = Tensor([places.count], type.wide)
            let gradient = CrossEntropy.rows(logits, labels: labels[places], loss: loss.base, gradient: wants.contains(true) ? type : nil)
            for value in loss.doubles() { total += value }
            return gradient
        }
        return Evaluation(Tensor([total], [1]), saved: saved)
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        ChunkedHead.pullback(cotangent.base.f64[0], saved: saved, rows: rows, into: &cotangents)
    }
}
