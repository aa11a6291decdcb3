import CShims
import Foundation

/// The k most probable tokens of a distribution, and the mass of all others.
///
/// Of tokens with equal logits those with the smaller ids come first.
struct TopTokens {
    private(set) var ids: [Int32]
    private(set) var probabilities: [Float]
    /// Summed over the other tokens, as 1 minus the sum of the named ones would have nothing left of a small one. 0 where there are none.
    private(set) var tail: Float = 0

    /// - Parameter logits: of all tokens; those of the named ones are lost.
    init(_ count: Int, of logits: UnsafeMutableBufferPointer<Float>, temperature: Double) {
        let whole = Self.logSumExp(logits, temperature)
        var found: [(id: Int32, logit: Float)] = [], least = -Float.infinity
        found.reserveCapacity(2 * count)
        // In twice the room, so that sorting is rare.
        func keepBest() {
            found.sort { $0.logit > $1.logit || ($0.logit == $1.logit && $0.id < $1.id) }
            if found.count > count { found.removeLast(found.count - count) }
        }
        for (id, logit) in logits.enumerated() where logit > least || found.count < count {
            found.append((Int32(id), logit))
            if found.count == 2 * count {
                keepBest()
                least = found[count - 1].logit
            }
        }
        keepBest()
        ids = found.map(\.id)
        probabilities = found.map { Float(exp(Double($0.logit) / temperature - whole)) }
        guard found.count < logits.count else { return }
        for (id, _) in found { logits[Int(id)] = -.infinity }
        tail = Float(exp(Self.logSumExp(logits, temperature) - whole))
    }

    private static func logSumExp(_ logits: UnsafeMutableBufferPointer<Float>, _ temperature: Double) -> Double {
        var maximum = -Float.infinity, sum: Float = 0
        heal_lse_update_f32(1, logits.count, logits.baseAddress!, logits.count, Float(1 / temperature), &maximum, &sum)
        return Double(maximum) + log(Double(sum))
    }
}
