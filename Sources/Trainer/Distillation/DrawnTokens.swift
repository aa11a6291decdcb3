import CShims
import Foundation
import TensorTrain

/// Tokens drawn from a distribution, with replacement, and how often each was drawn.
///
/// The share of the draws that a token got has its probability as expectation, so a gradient that is linear in the distribution has its own as expectation
/// (Anshumann et al. 2025, "Sparse Logit Sampling", arXiv 2503.16870).
struct DrawnTokens {
    /// In the order of ids.
    private(set) var ids: [Int32] = []
    private(set) var counts: [UInt16] = []
    /// Of the whole distribution, in nats: with it the divergence has no bias either, not only its gradient.
    private(set) var entropy: Float

    /// - Parameters:
    ///   - logits: of all tokens; they are lost.
    ///   - seed: decides the draws.
    init(_ draws: Int, of logits: UnsafeMutableBufferPointer<Float>, temperature: Double, seed: UInt64) {
        let V = logits.count, inverse = Float(1 / temperature)
        let top = (logits.max() ?? 0) * inverse
        for v in 0..<V { logits[v] = logits[v] * inverse - top }
        // exp overwrites its argument, and the entropy wants both: sum p (log sum - y).
        var total = 0.0, weighted = 0.0
        withUnsafeTemporaryAllocation(of: Float.self, capacity: V) { y in
            _ = y.initialize(from: logits)
            heal_exp_f32(V, y.baseAddress!, logits.baseAddress!)
            for v in 0..<V where logits[v] > 0 {
                total += Double(logits[v])
                weighted += Double(logits[v]) * Double(y[v])
            }
        }
        entropy = Float(max(0, log(total) - weighted / total))
        var random = SplitMix64(seed: seed)
        // Never 0, so a token without probability is not drawn, and at most `total`, which the same sum reaches.
        let places = (0..<draws).map { _ in random.nextUnit() * total }.sorted()
        var next = 0, reached = 0.0
        for v in 0..<V where logits[v] > 0 && next < draws {
            reached += Double(logits[v])
            let first = next
            while next < draws, places[next] <= reached { next += 1 }
            if next > first {
                ids.append(Int32(v))
                counts.append(UInt16(next - first))
            }
        }
    }
}
