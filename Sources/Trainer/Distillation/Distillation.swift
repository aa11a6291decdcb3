import Autograd
import HealData
import Models

/// What a student learns from besides the labels, and how the two are mixed.
package struct Distillation: Sendable {
    package typealias Tokens = DistillationConfiguration.Tokens

    package let teacher: LlamaModel
    /// Share of the divergence in the loss; cross-entropy has the rest.
    package let weight: Double
    package let temperature: Double
    /// The tokens that the divergence is taken at.
    package let tokens: Tokens

    package init(teacher: LlamaModel, weight: Double, temperature: Double = 1, tokens: Tokens = .all) {
        self.teacher = teacher
        self.weight = weight
        self.temperature = temperature
        self.tokens = tokens
    }

    /// Places of the batch that the divergence is taken at. A sample ends with its last label, so a token follows every place.
    func rows(_ batch: TokenBatch) -> [Int] {
        switch tokens {
        case .all: Array(batch.tokens.indices)
        case .labels: batch.labels.indices.filter { batch.labels[$0] >= 0 }
        }
    }

    func count(_ batch: TokenBatch) -> Int { tokens == .all ? batch.tokens.count : batch.trainedTokens }
}
