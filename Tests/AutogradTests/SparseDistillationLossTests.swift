import Autograd
import Foundation
import Kernels
import TestSupport
import Testing

@Suite struct SparseDistillationLossTests {
    /// The loss without the two numbers beside it, which have no gradient.
    private struct LossAlone: Primitive {
        let op: SparseDistillationLoss
        /// Another op's gradient, to see that the check finds it.
        var gradientOf: SparseDistillationLoss?

        func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
            let right = op.forward(inputs, wants: wants)
            return Evaluation(right.output.slice(0..<1), saved: gradientOf?.forward(inputs, wants: wants).saved ?? right.saved)
        }

        func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
            op.pullback(Tensor([cotangent.doubles()[0], 0, 0], [3]), saved: saved, into: &cotangents)
        }
    }

    private static let vocabulary = 11

    /// A student's inputs and a teacher's logits [tokens, V] as a product.
    private struct Sample {
        let labels: [Int32]
        let student: [Tensor], teacher: [Tensor]

        init(tokens: Int, seed: UInt64) {
            var r = SplitMix(seed)
            labels = (0..<tokens).map { $0 % 3 == 1 ? -100 : Int32($0 % vocabulary) }
            student = [r.tensor([tokens, 3]), r.tensor([vocabulary, 3])]
            teacher = [r.tensor([tokens, 4]), r.tensor([vocabulary, 4])]
        }

        func rows(everywhere: Bool) -> [Int] { everywhere ? Array(labels.indices) : labels.indices.filter { labels[$0] >= 0 } }

        /// What is kept of the teacher: the `count` most probable tokens with the mass of the others, or without it.
        func answers(_ count: Int, _ temperature: Double, _ rows: [Int], tail: Bool = true) -> SparseDistributions {
            let h = teacher[0].doubles(), head = teacher[1].doubles(), D = 4
            var found = SparseDistributions()
            for t in rows {
                let y = (0..<vocabulary).map { v in (0..<D).reduce(0.0) { $0 + h[t * D + $1] * head[v * D + $1] } / temperature }
                let top = y.max()!, sum = y.reduce(0) { $0 + exp($1 - top) }, p = y.map { exp($0 - top) / sum }
                let order = p.indices.sorted { p[$0] > p[$1] }
                found.append(
                    order.prefix(count).map { (id: Int32($0), probability: p[$0]) }, rest: tail ? order.dropFirst(count).reduce(0) { $0 + p[$1] } : 0,
                    correction: tail ? 0 : 0.25)
            }
            return found
        }

        func op(_ count: Int, _ temperature: Double, _ a: Double, _ b: Double, everywhere: Bool = true, tail: Bool = true) -> SparseDistillationLoss {
            let rows = rows(everywhere: everywhere)
            return SparseDistillationLoss(
                labels: labels, rows: rows, teacher: answers(count, temperature, rows, tail: tail), temperature: temperature, crossEntropyFactor: a,
                divergenceFactor: b)
        }
    }

    @Test(arguments: [(1.0, 0.5, 0.5), (2.0, 0.25, 1.5), (0.5, 0, 1)], [(4, true), (4, false), (0, true)])
    func gradient(factors: (Double, Double, Double), kept: (count: Int, tail: Bool)) {
        for (tokens, everywhere) in [(530, true), (7, true), (7, false)] {
            let sample = Sample(tokens: tokens, seed: 31)
            let op = LossAlone(op: sample.op(kept.count, factors.0, factors.1, factors.2, everywhere: everywhere, tail: kept.tail))
            for (input, error) in GradientCheck().run(op, sample.student, checked: [0, 1]) {
                #expect(error < 1e-6, "\(factors), \(kept), \(tokens) tokens: input \(input) is off by \(error)")
            }
        }
    }

    /// Factors, temperature, the tokens kept and the mass of the others matter to the gradient.
    @Test func aWrongGradientIsFound() {
        let sample = Sample(tokens: 40, seed: 32), right = sample.op(4, 2, 0.4, 0.6)
        let wrong = [
            sample.op(4, 2, 0.4004, 0.6), sample.op(4, 2, 0.4, 0.6006), sample.op(4, 2.002, 0.4, 0.6), sample.op(5, 2, 0.4, 0.6),
            sample.op(4, 2, 0.4, 0.6, tail: false), sample.op(4, 2, 0.4, 0.6, everywhere: false),
        ]
        for (number, other) in wrong.enumerated() {
            let errors = GradientCheck().run(LossAlone(op: right, gradientOf: other), sample.student, checked: [0, 1])
            #expect(errors.allSatisfy { $0.error > 1e-6 }, "wrong gradient \(number) was not found: \(errors)")
        }
    }

    /// With all tokens kept it is `DistillationLoss`; with fewer the divergence is smaller, and grows with them.
    @Test(arguments: [1.0, 2.0]) func allTokensAreTheFullLoss(temperature: Double) {
        let sample = Sample(tokens: 600, seed: 33), wants = [true, true]
        let full = DistillationLoss(
            labels: sample.labels, rows: sample.rows(everywhere: true), temperature: temperature, crossEntropyFactor: 0.3, divergenceFactor: 0.7
        ).forward(sample.student + sample.teacher, wants: wants + [false, false])
        let whole = sample.op(Self.vocabulary, temperature, 0.3, 0.7).forward(sample.student, wants: wants)
        #expect(relativeError(whole.output.doubles(), full.output.doubles()) < 1e-13)
        for i in 0..<2 { #expect(relativeError(whole.saved[i], full.saved[i]) < 1e-12) }
        let some = [0, 2, 5, 10].map { sample.op($0, temperature, 0.3, 0.7).forward(sample.student, wants: [false, false]).output.doubles()[2] }
        #expect(abs(some[0]) < 1e-10 && some == some.sorted() && some[3] <= whole.output.doubles()[2] * (1 + 1e-12))
    }

    /// What it computes in float32 and bf16 is what it computes in Double from the same numbers.
    @Test(arguments: [(DType.f32, 3e-6)] + (GEMM.hasFastBFloat16 ? [(.bf16, 3e-2)] : []), [true, false])
    func types(type: (DType, Double), tail: Bool) {
        let sample = Sample(tokens: 600, seed: 34), op = sample.op(4, 1.5, 0.4, 0.6, tail: tail)
        let given = sample.student.map { Elementwise.convert(Elementwise.convert($0, to: .f32), to: type.0) }
        let wide = given.map { Elementwise.convert(Elementwise.convert($0, to: .f32), to: .f64) }
        let found = op.forward(given, wants: [true, true]), expected = op.forward(wide, wants: [true, true])
        #expect(relativeError(found.output.doubles(), expected.output.doubles()) < type.1)
        for i in 0..<2 { #expect(relativeError(found.saved[i].doubles(), expected.saved[i].doubles()) < type.1, "\(type.0), input \(i)") }
    }
}
