import Autograd
import Foundation
import Models

/// The loss of every token of a text, window by window.
struct Scoring {
    let model: LlamaModel
    /// Tokens that go into the model at once.
    let window: Int

    /// Windows are no longer than this unless asked for: their activations are in memory at once.
    static let usualContext = 4096

    /// Negative log-likelihood of each of `ids[1...]`, in nats.
    func losses(_ ids: [Int32], progress: (_ done: Int) -> Void) throws(NotFiniteError) -> [Double] {
        var losses: [Double] = []
        losses.reserveCapacity(ids.count - 1)
        for start in stride(from: 0, to: ids.count - 1, by: window) {
            let end = min(ids.count - 1, start + window)
            let found = model.losses(TokenInput(Array(ids[start..<end])), labels: Array(ids[(start + 1)...end]))
            if let place = found.firstIndex(where: { !$0.isFinite }) { throw NotFiniteError(token: start + place) }
            losses += found
            if ids.count > window { progress(end + 1) }
        }
        return losses
    }

    /// Logits of what would follow `ids`, which fit into one window.
    func lastLogits(_ ids: [Int32]) -> [Float] {
        var tape = Tape(records: false)
        let hidden = model.hidden(TokenInput(ids), &tape).value
        return model.logits(ofHidden: hidden.slice((ids.count - 1)..<ids.count)).floats()
    }

    static func perplexity(_ loss: Double) -> Double { exp(loss) }
}
