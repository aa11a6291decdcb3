import Autograd
import HealData
import Kernels
import Models

/// What a student learns from besides the labels, and how the two are mixed.
package struct Distillation: Sendable {
    package typealias Tokens = DistillationConfiguration.Tokens

    package enum Source: Sendable {
        /// Asked at every step, for all it has to say.
        case model(LlamaModel)
        /// Asked once for each sample; of its answer a part is kept.
        case cached(CachedTeacher)
    }

    package let teacher: Source
    /// Share of the divergence in the loss; cross-entropy has the rest.
    package let weight: Double
    package let temperature: Double
    /// The tokens that the divergence is taken at.
    package let tokens: Tokens

    package init(teacher: Source, weight: Double, temperature: Double = 1, tokens: Tokens = .all) {
        self.teacher = teacher
        self.weight = weight
        self.temperature = temperature
        self.tokens = tokens
    }

    /// What the teacher says about one batch.
    enum Lesson {
        case states(TeacherStates)
        case answers(SparseDistributions)
    }

    /// - Parameter input: the batch as the model takes it.
    func lesson(_ batch: TokenBatch, _ input: TokenInput) throws -> Lesson {
        switch teacher {
        case .model(let model):
            return .states(Stopwatch.time("teacher") { model.teach(input) })
        case .cached(let teacher): return .answers(try teacher.answers(to: batch))
        }
    }

    /// Loss, sum of cross-entropies and sum of divergences of `model` on one batch.
    ///
    /// - Parameter countRatio: what a label's cross-entropy is multiplied with besides its share (`TrainingWindow`).
    func loss(
        _ model: LlamaModel, _ batch: TokenBatch, _ input: TokenInput, labels: [Int32], _ lesson: Lesson, countRatio: Double, _ tape: inout Tape,
        checkpointing: Bool, spare: Int
    ) -> Variable {
        let rows = tokens.places(batch), factor = (1 - weight) * countRatio
        switch lesson {
        case .states(let states):
            let objective = DistillationLoss(
                labels: labels, rows: rows, temperature: temperature, crossEntropyFactor: factor, divergenceFactor: weight)
            return model.loss(input, objective, teacher: states, &tape, checkpointing: checkpointing, spare: spare)
        case .answers(let answers):
            let objective = SparseDistillationLoss(
                labels: labels, rows: rows, teacher: answers, temperature: temperature, crossEntropyFactor: factor, divergenceFactor: weight)
            return model.loss(input, objective, &tape, checkpointing: checkpointing, spare: spare)
        }
    }

    func count(_ batch: TokenBatch) -> Int { tokens == .all ? batch.tokens.count : batch.trainedTokens }

    /// Puts answers that wait into a file, where there is a cache.
    func flush() throws { if case .cached(let teacher) = teacher { try teacher.cache.flush() } }
}

extension DistillationConfiguration.Tokens {
    /// Places of a batch that these are. A sample ends with its last label, so a token follows every place.
    func places(_ batch: TokenBatch) -> [Int] {
        switch self {
        case .all: Array(batch.tokens.indices)
        case .labels: batch.labels.indices.filter { batch.labels[$0] >= 0 }
        }
    }
}
