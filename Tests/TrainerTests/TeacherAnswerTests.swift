import Autograd
import Foundation
import Kernels
import Testing
import TestSupport
@testable import Trainer

/// What is kept of a teacher's distributions, and what can be learnt from it.
@Suite struct TeacherAnswerTests {
    private static let vocabulary = 96

    /// Logits with a few likely tokens, and their softmax at a temperature.
    private static func logits(_ seed: UInt64, rows: Int = 1) -> Tensor {
        var random = SplitMix(seed)
        return Tensor((0..<rows * vocabulary).map { _ in Float(2 * random.normal()) }, [rows, vocabulary])
    }

    private static func softmax(_ logits: [Double], _ temperature: Double) -> [Double] {
        let top = logits.max()!, e = logits.map { exp(($0 - top) / temperature) }, sum = e.reduce(0, +)
        return e.map { $0 / sum }
    }

    private static func form(_ kind: DistillationConfiguration.CacheForm, _ size: Int, _ temperature: Double) -> TeacherAnswer.Form {
        TeacherAnswer.Form(kind: kind, size: size, temperature: temperature)
    }

    private static func answer(_ logits: Tensor, _ form: TeacherAnswer.Form, seed: UInt64 = 1) -> TeacherAnswer {
        var answer = TeacherAnswer()
        answer.append(logits: logits.copy(), form, seed: seed)
        return answer
    }

    @Test(arguments: [1, 5, 40, vocabulary], [0.5, 1, 2.5]) func mostProbable(count: Int, temperature: Double) {
        let logits = Self.logits(3, rows: 9), answer = Self.answer(logits, Self.form(.topK, count, temperature))
        var rows = SparseDistributions()
        answer.append(to: &rows, .topK)
        #expect(rows.rows == 9 && rows.correction.allSatisfy { $0 == 0 })
        for t in 0..<9 {
            let p = Self.softmax(Array(logits.doubles()[t * Self.vocabulary..<(t + 1) * Self.vocabulary]), temperature)
            let order = p.indices.sorted { p[$0] > p[$1] }, entries = rows.starts[t]..<rows.starts[t + 1]
            #expect(rows.ids[entries].map(Int.init) == Array(order.prefix(count)))
            // Half precision: one part in 2048, or 3e-8 where a number is tiny.
            for (id, found) in zip(rows.ids[entries], rows.probabilities[entries]) { #expect(abs(found - p[Int(id)]) < 1e-3 * p[Int(id)] + 4e-8) }
            let tail = order.dropFirst(count).reduce(0) { $0 + p[$1] }
            #expect(abs(rows.rest[t] - tail) < 1e-3 * tail + 1e-12 && (count < Self.vocabulary || rows.rest[t] == 0))
            #expect(abs(rows.probabilities[entries].reduce(rows.rest[t], +) - 1) < 1e-14)
        }
    }

    @Test func equalLogitsInTheOrderOfIds() {
        let answer = Self.answer(Tensor([Float](repeating: 1, count: 50), [1, 50]), Self.form(.topK, 7, 1))
        #expect(answer.tokens == Array(0..<7) && abs(answer.rest[0] - 43.0 / 50) < 1e-6)
    }

    /// The same draws for the same seed, others for another; nothing impossible; as many as asked for.
    @Test func draws() {
        let logits = Tensor([Float](repeating: 0, count: 40).enumerated().map { $0.offset % 2 == 0 ? -Float.infinity : 0 }, [1, 40])
        let form = Self.form(.sampled, 500, 1), answer = Self.answer(logits, form, seed: 4)
        #expect(answer.weights.reduce(0) { $0 + Int($1) } == 500 && answer.tokens.allSatisfy { $0 % 2 == 1 } && answer.tokens == answer.tokens.sorted())
        #expect(abs(answer.rest[0] - log(20)) < 1e-6)
        #expect(answer == Self.answer(logits, form, seed: 4) && answer != Self.answer(logits, form, seed: 5))
        // Places draw on their own.
        let two = Self.answer(Self.logits(3, rows: 1).repeated(2), form), first = Int(two.counts[0])
        #expect(two.weights[..<first] != two.weights[first...])
    }

    /// One hidden state seen many times with different draws: gradient and divergence are those of the whole distribution, up to what chance leaves; kept tops are not.
    @Test(arguments: [1.0, 2.0]) func samplingHasNoBias(temperature: Double) {
        let repeats = 20_000, V = Self.vocabulary
        var random = SplitMix(7)
        let teacher = Self.logits(8), h: Tensor = random.tensor([1, 4]), head: Tensor = random.tensor([V, 4])
        let states = Tensor((0..<repeats).flatMap { _ in h.doubles() }, [repeats, 4])
        let q = Self.softmax((0..<V).map { v in (0..<4).reduce(0.0) { $0 + h.doubles()[$1] * head.doubles()[v * 4 + $1] } }, temperature)
        let p = Self.softmax(teacher.doubles(), temperature)
        let divergence = zip(p, q).reduce(0.0) { $0 + $1.0 * log($1.0 / $1.1) }

        func mean(_ kind: DistillationConfiguration.CacheForm) -> (logits: [Double], divergence: Double) {
            let answer = Self.answer(teacher.repeated(repeats), Self.form(kind, 6, temperature))
            var rows = SparseDistributions()
            answer.append(to: &rows, kind)
            let op = SparseDistillationLoss(
                labels: [Int32](repeating: -1, count: repeats), rows: Array(0..<repeats), teacher: rows, temperature: temperature, crossEntropyFactor: 0,
                divergenceFactor: 1)
            let found = op.forward([states, head], wants: [false, true]), dHead = found.saved[1].doubles(), hidden = h.doubles()
            let norm = hidden.reduce(0) { $0 + $1 * $1 } * Double(repeats) * temperature
            // dHead = (q - p_hat) h^T, so its product with h gives q - p_hat back.
            let gradient = (0..<V).map { v in (0..<4).reduce(0.0) { $0 + dHead[v * 4 + $1] * hidden[$1] } / norm }
            return (gradient, found.output.doubles()[2] / Double(repeats) / (temperature * temperature))
        }
        let drawn = mean(.sampled), top = mean(.topK)
        // The standard error of a share is sqrt(p (1 - p) / draws); five of them, for 96 tokens.
        let draws = 6.0 * Double(repeats)
        for v in 0..<V { #expect(abs(drawn.logits[v] - (q[v] - p[v])) < 5 * (p[v] * (1 - p[v]) / draws).squareRoot() + 1e-6, "token \(v)") }
        let spread = zip(p, q).reduce(0.0) { $0 + $1.0 * pow(log($1.1), 2) }.squareRoot()
        #expect(abs(drawn.divergence - divergence) < 5 * spread / draws.squareRoot(), "\(drawn.divergence), exactly \(divergence)")
        // The check would see a bias: that of the most probable tokens is far beyond it.
        let bias = (0..<V).count { abs(top.logits[$0] - (q[$0] - p[$0])) > 5 * (p[$0] * (1 - p[$0]) / draws).squareRoot() + 1e-3 * p[$0] }
        #expect(bias > 20 && top.divergence < divergence)
    }
}

extension Tensor {
    /// Its one row, many times.
    fileprivate func repeated(_ count: Int) -> Tensor { Tensor((0..<count).flatMap { _ in floats() }, [count, rowCount]) }
}
