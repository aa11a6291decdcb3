import Autograd
import Cluster
import Foundation
import HealData
import Kernels
import Models

/// The arithmetic of one optimizer step: micro-batches summed, divided once by the counted tokens of the whole window, clipped, applied.
///
/// Without a teacher the loss is the mean cross-entropy of the window's labelled tokens. With one it is (1 - w) times that mean plus w times the mean divergence, each
/// mean over its own tokens. In the sums a labelled token's cross-entropy therefore weighs (1 - w) N_KL / N_CE, a token's divergence w, and one division by N_KL is
/// left for the end. For this ratio both counts must be known before the first batch (`announce`).
package struct TrainingWindow {
    private let model: LlamaModel
    private let gradients: Gradients
    private let checkpointing: Bool
    private let distillation: Distillation?
    /// N_KL / N_CE.
    private var countRatio = 1.0
    /// Sum of the cross-entropies of labelled tokens so far, in nats.
    package private(set) var lossSum = 0.0
    package private(set) var trainedTokens = 0
    /// Sum of the divergences, and the tokens they were taken at; 0 without a teacher.
    package private(set) var divergenceSum = 0.0
    package private(set) var distilledTokens = 0
    package private(set) var tokens = 0

    /// - Parameter gradients: accumulators of the model, reused from window to window.
    package init(_ model: LlamaModel, gradients: Gradients, checkpointing: Bool = false, distillation: Distillation? = nil) {
        self.model = model
        self.gradients = gradients
        self.checkpointing = checkpointing
        self.distillation = distillation
        gradients.reset()
    }

    /// Tells the window all batches that it will be given on this rank. Needed with a teacher only; called by all ranks.
    package mutating func announce(_ batches: [TokenBatch], over cluster: any Communicator = Alone()) {
        // Where both are taken at the same tokens, there is nothing to ask.
        guard let distillation, distillation.tokens != .labels else { return }
        let own = [batches.reduce(0) { $0 + distillation.count($1) }, batches.reduce(0) { $0 + $1.trainedTokens }]
        let counts = cluster.gather(own.map(Double.init))
        let distilled = counts.reduce(0) { $0 + $1[0] }, trained = counts.reduce(0) { $0 + $1[1] }
        countRatio = trained > 0 ? distilled / trained : 0
    }

    /// - Parameter completed: told of each parameter whose gradient this batch was the last to add to.
    /// - Throws: when the batch holds a token that the model has no embedding for, or a cache of a teacher's answers cannot be read.
    package mutating func add(_ batch: TokenBatch, completed: ((Int) -> Void)? = nil) throws {
        guard batch.trainedTokens > 0 else { return }
        try Self.check(batch.tokens, model)
        let (input, labels) = Self.shaped(batch)
        // Before the student's forward pass: what the two need at most does not add up.
        let lesson = try distillation?.lesson(batch, input)
        var tape = Tape()
        let loss: Variable, cotangent: Tensor
        // Before a window's first backward pass the memory of the gradients is free.
        let spare = gradients.bytesToCome
        if let distillation, let lesson {
            loss = distillation.loss(
                model, batch, input, labels: labels, lesson, countRatio: countRatio, &tape, checkpointing: checkpointing, spare: spare)
            cotangent = Tensor([1.0, 0, 0], [3])
            lossSum += loss.value.base.f64[1]
            divergenceSum += loss.value.base.f64[2]
            distilledTokens += distillation.count(batch)
        } else {
            loss = model.loss(input, labels: labels, &tape, checkpointing: checkpointing, spare: spare)
            cotangent = Tensor([1.0], [1])
            lossSum += loss.value.base.f64[0]
        }
        tape.backward(from: loss, cotangent: cotangent, into: gradients, completed: completed)
        trainedTokens += batch.trainedTokens
        tokens += batch.tokens.count
    }

    /// Adds up what the ranks have counted, in their order, so that all have the window's numbers. Gradients travel by themselves (`GradientExchange`).
    package mutating func combine(over cluster: any Communicator) {
        let counts = cluster.gather([lossSum, Double(trainedTokens), Double(tokens), divergenceSum, Double(distilledTokens)])
        lossSum = counts.reduce(0) { $0 + $1[0] }
        trainedTokens = counts.reduce(0) { $0 + Int($1[1]) }
        tokens = counts.reduce(0) { $0 + Int($1[2]) }
        divergenceSum = counts.reduce(0) { $0 + $1[3] }
        distilledTokens = counts.reduce(0) { $0 + Int($1[4]) }
    }

    /// Mean cross-entropy of a labelled token, in nats; 0 for a window without any.
    package var meanCrossEntropy: Double { trainedTokens > 0 ? lossSum / Double(trainedTokens) : 0 }

    /// Mean divergence from the teacher of a token it is taken at, times the square of the temperature; nil without a teacher.
    package var meanDivergence: Double? {
        distillation.map { _ in distilledTokens > 0 ? divergenceSum / Double(distilledTokens) : 0 }
    }

    /// What the window's gradient is the gradient of.
    package var meanLoss: Double {
        guard let distillation, let meanDivergence else { return meanCrossEntropy }
        return (1 - distillation.weight) * meanCrossEntropy + distillation.weight * meanDivergence
    }

    /// What the sums are divided by.
    private var divisor: Int { distillation == nil ? trainedTokens : distilledTokens }

    /// Global norm of the mean gradient. Parameters are summed in their order.
    package func gradientNorm() -> Double {
        guard divisor > 0 else { return 0 }
        return Stopwatch.time("global norm") { gradients.trainedIndices.reduce(0.0) { $0 + Elementwise.sumOfSquares(gradients[$1]) } }.squareRoot() / Double(divisor)
    }

    /// Applies the window; one without counted tokens changes nothing.
    package func apply(_ optimizer: inout AdamWOptimizer, learningRate: Double, norm: Double, maxNorm: Double) {
        guard divisor > 0 else { return }
        Stopwatch.time("AdamW") {
            optimizer.update(
                model.trained.map { model.weights.tensors[$0]! }, gradients: { gradients[$0] }, learningRate: learningRate,
                gradientScale: GradientClip.factor(norm: norm, limit: maxNorm) / Double(divisor))
        }
        model.parametersChanged()
    }

    /// Throws where a token is outside the model's vocabulary: the tokenizer is another model's.
    package static func check(_ tokens: [Int32], _ model: LlamaModel) throws(HealError) {
        let size = model.configuration.vocabularySize
        if let bad = tokens.first(where: { $0 < 0 || Int($0) >= size }) {
            throw HealError(.data, "token id \(bad) is outside the model's vocabulary of \(size); the tokenizer does not belong to this model; check the key \"tokenizer\", or the tokenizer files beside the model")
        }
    }

    /// A batch as the model takes it: the number of tokens rounded up, so that few shapes occur and compiled products are used again. What is
    /// added is a sample of its own without labels, all at its first position: a model for short rows knows no others.
    static func shaped(_ batch: TokenBatch) -> (input: TokenInput, labels: [Int32]) {
        let missing = (16 - batch.tokens.count % 16) % 16
        var input = TokenInput(tokens: batch.tokens, positions: batch.positions, segments: batch.segments)
        var labels = batch.labels
        if missing > 0 {
            input.tokens += [Int32](repeating: 0, count: missing)
            input.positions += [Int32](repeating: 0, count: missing)
            input.segments.append(input.tokens.count)
            labels += [Int32](repeating: Sample.ignoredLabel, count: missing)
        }
        return (input, labels)
    }
}
