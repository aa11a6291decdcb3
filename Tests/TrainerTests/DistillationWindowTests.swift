import Autograd
import Foundation
import HealData
import Kernels
import Models
import TestSupport
import Testing
@testable import Trainer

/// The arithmetic of a window with a teacher, in Double on a toy model.
@Suite struct DistillationWindowTests {
    private static let vocabulary = 96

    private static func batches() -> [TokenBatch] {
        var random = SplitMix(5)
        func token() -> Int32 { Int32(random.next() % UInt64(vocabulary)) }
        return [[7, 12], [5]].map { lengths in
            var batch = TokenBatch()
            for length in lengths {
                let tokens = (0..<length).map { _ in token() }
                batch.tokens += tokens
                batch.labels += (0..<length).map { $0 < length / 2 ? -100 : token() }
                batch.positions += (0..<Int32(length))
                batch.segments.append(batch.tokens.count)
            }
            batch.trainedTokens = batch.labels.count { $0 >= 0 }
            batch.rows = lengths.count
            return batch
        }
    }

    /// The student has some of the teacher's weights and others of its own.
    private static func models() throws -> (student: LlamaModel, teacher: LlamaModel) {
        let toy = try GoldenModel(family: "llama2")
        let teacher = toy.model(compute: .f64)
        let student = toy.model(compute: .f64, trains: { $0.contains("o_proj") || $0.contains("norm") })
        var random = SplitMix(6)
        for name in student.trained {
            let tensor = student.weights.tensors[name]!
            for i in 0..<tensor.count { tensor.base.assumingMemoryBound(to: Double.self)[i] += 0.2 * random.normal() }
        }
        student.parametersChanged()
        return (student, teacher)
    }

    private static func logSoftmax(_ logits: ArraySlice<Double>, temperature: Double) -> [Double] {
        let z = logits.map { $0 / temperature }, top = z.max()!
        let lse = top + log(z.reduce(0) { $0 + exp($1 - top) })
        return z.map { $0 - lse }
    }

    /// (1 - w) mean CE + w T^2 mean KL, from the definitions and all logits.
    private static func naive(_ student: LlamaModel, _ d: Distillation) -> (loss: Double, ce: Double, kl: Double) {
        var ce = 0.0, kl = 0.0, trained = 0, distilled = 0
        for batch in batches() {
            let input = TokenInput(tokens: batch.tokens, positions: batch.positions, segments: batch.segments)
            guard case .model(let teacher) = d.teacher else { preconditionFailure("a cached teacher") }
            let z = student.logits(input), y = teacher.logits(input), V = z.rowCount
            let (zs, ys) = (z.doubles(), y.doubles())
            for t in batch.tokens.indices {
                let row = t * V..<(t + 1) * V
                if batch.labels[t] >= 0 {
                    ce -= logSoftmax(zs[row], temperature: 1)[Int(batch.labels[t])]
                    trained += 1
                }
                if batch.labels[t] >= 0 || d.tokens == .all {
                    let q = logSoftmax(zs[row], temperature: d.temperature), p = logSoftmax(ys[row], temperature: d.temperature)
                    kl += d.temperature * d.temperature * zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                    distilled += 1
                }
            }
        }
        (ce, kl) = (ce / Double(trained), kl / Double(distilled))
        return ((1 - d.weight) * ce + d.weight * kl, ce, kl)
    }

    @Test(arguments: [(0.3, 1.0, Distillation.Tokens.all), (0.6, 2.0, .labels), (1, 1.5, .all), (0.5, 1, .labels)], [false, true])
    func meansAndGradients(setting: (Double, Double, Distillation.Tokens), checkpointing: Bool) throws {
        let (student, teacher) = try Self.models()
        #expect(student.configuration.vocabularySize == Self.vocabulary)
        let distillation = Distillation(teacher: .model(teacher), weight: setting.0, temperature: setting.1, tokens: setting.2)
        let gradients = student.makeGradients()
        var window = TrainingWindow(student, gradients: gradients, checkpointing: checkpointing, distillation: distillation)
        window.announce(Self.batches())
        for batch in Self.batches() { try window.add(batch) }
        let expected = Self.naive(student, distillation)
        #expect(abs(window.meanLoss - expected.loss) < 1e-11 * expected.loss)
        #expect(abs(window.meanCrossEntropy - expected.ce) < 1e-11 * expected.ce)
        #expect(abs(try #require(window.meanDivergence) - expected.kl) < 1e-11 * expected.kl)
        let counted = setting.2 == .all ? 24 : window.trainedTokens
        #expect(window.distilledTokens == counted && window.tokens == 24)

        // Along a random direction of all trained numbers.
        var random = SplitMix(8), slope = 0.0
        let directions = student.trained.map { name in (0..<student.weights.tensors[name]!.count).map { _ in random.normal() } }
        for (index, direction) in directions.enumerated() {
            for (g, u) in zip(gradients[index].doubles(), direction) { slope += g * u / Double(counted) }
        }
        func loss(at distance: Double) -> Double {
            func move(_ by: Double) {
                for (name, direction) in zip(student.trained, directions) {
                    let p = student.weights.tensors[name]!.base.assumingMemoryBound(to: Double.self)
                    for (i, u) in direction.enumerated() { p[i] += by * u }
                }
            }
            move(distance)
            defer { move(-distance) }
            return Self.naive(student, distillation).loss
        }
        let difference = (loss(at: 1e-5) - loss(at: -1e-5)) / 2e-5
        #expect(abs(difference - slope) < 1e-6 * abs(difference), "\(setting): \(slope), by differences \(difference)")
    }

    @Test func nothingToLearnFromOneself() throws {
        let (student, _) = try Self.models()
        for tokens in [Distillation.Tokens.all, .labels] {
            let itself = Distillation(teacher: .model(student), weight: 1, temperature: 2, tokens: tokens)
            var window = TrainingWindow(student, gradients: student.makeGradients(), distillation: itself)
            window.announce(Self.batches())
            for batch in Self.batches() { try window.add(batch) }
            #expect(window.meanLoss == 0 && window.gradientNorm() == 0 && window.meanCrossEntropy > 0)
        }
    }

    /// Without a teacher nothing is asked of other ranks, and the loss is the cross-entropy.
    @Test func withoutTeacher() throws {
        let (student, _) = try Self.models()
        var window = TrainingWindow(student, gradients: student.makeGradients())
        for batch in Self.batches() { try window.add(batch) }
        #expect(window.meanDivergence == nil && window.distilledTokens == 0 && window.meanLoss == window.meanCrossEntropy)
    }
}
