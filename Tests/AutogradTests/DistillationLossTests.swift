import Autograd
import Kernels
import TestSupport
import Testing

@Suite struct DistillationLossTests {
    /// The loss without the two numbers beside it, which have no gradient.
    private struct LossAlone: Primitive {
        let op: DistillationLoss
        /// Another op's gradient, to see that the check finds it.
        var gradientOf: DistillationLoss?

        func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
            let right = op.forward(inputs, wants: wants)
            return Evaluation(right.output.slice(0..<1), saved: gradientOf?.forward(inputs, wants: wants).saved ?? right.saved)
        }

        func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
            op.pullback(Tensor([cotangent.doubles()[0], 0, 0], [3]), saved: saved, into: &cotangents)
        }
    }

    /// More tokens than one chunk, with and without labels; the teacher is wider than the student.
    private struct Sample {
        let labels: [Int32]
        let inputs: [Tensor]

        init(tokens: Int, seed: UInt64) {
            var r = SplitMix(seed)
            labels = (0..<tokens).map { $0 % 3 == 1 ? -100 : Int32($0 % 11) }
            inputs = [r.tensor([tokens, 3]), r.tensor([11, 3]), r.tensor([tokens, 4]), r.tensor([11, 4])]
        }

        func op(_ temperature: Double, _ a: Double, _ b: Double, everywhere: Bool) -> DistillationLoss {
            let rows = everywhere ? Array(labels.indices) : labels.indices.filter { labels[$0] >= 0 }
            return DistillationLoss(labels: labels, rows: rows, temperature: temperature, crossEntropyFactor: a, divergenceFactor: b)
        }
    }

    @Test(arguments: [(1.0, 0.5, 0.5), (2.0, 0.25, 1.5), (0.5, 0, 1), (3.0, 1, 0)], [true, false])
    func gradient(factors: (Double, Double, Double), everywhere: Bool) {
        for (tokens, checked) in [(530, [0, 1]), (7, [0]), (7, [1])] {
            let sample = Sample(tokens: tokens, seed: 31)
            let op = LossAlone(op: sample.op(factors.0, factors.1, factors.2, everywhere: everywhere))
            for (input, error) in GradientCheck().run(op, sample.inputs, checked: checked) {
                #expect(error < 1e-6, "\(factors), everywhere \(everywhere), \(tokens) tokens: input \(input) is off by \(error)")
            }
        }
    }

    /// Each of the factors, the temperature and the choice of tokens matters to the gradient.
    @Test func aWrongGradientIsFound() {
        let sample = Sample(tokens: 40, seed: 32), right = sample.op(2, 0.4, 0.6, everywhere: true)
        let wrong = [
            sample.op(2, 0.4004, 0.6, everywhere: true), sample.op(2, 0.4, 0.6006, everywhere: true), sample.op(2.002, 0.4, 0.6, everywhere: true),
            sample.op(2, 0.4, 0.6, everywhere: false),
        ]
        for (number, other) in wrong.enumerated() {
            let errors = GradientCheck().run(LossAlone(op: right, gradientOf: other), sample.inputs, checked: [0, 1])
            #expect(errors.allSatisfy { $0.error > 1e-6 }, "wrong gradient \(number) was not found: \(errors)")
        }
    }

    /// Without divergence it is `HeadLoss`; from itself a student does not diverge.
    @Test func limits() {
        let sample = Sample(tokens: 600, seed: 33), inputs = sample.inputs
        let plain = HeadLoss(labels: sample.labels).forward([inputs[0], inputs[1]], wants: [true, true])
        let mixed = sample.op(1, 1, 0, everywhere: true).forward(inputs, wants: [true, true, false, false])
        #expect(relativeError([mixed.output.doubles()[0], mixed.output.doubles()[1]], [plain.output.doubles()[0], plain.output.doubles()[0]]) < 1e-14)
        #expect(relativeError(mixed.saved[1], plain.saved[1]) < 1e-12)
        let itself = sample.op(2, 0, 1, everywhere: true).forward([inputs[0], inputs[1], inputs[0], inputs[1]], wants: [true, true, false, false])
        #expect(itself.output.doubles()[0] == 0 && itself.output.doubles()[1] > 0)
        #expect(itself.saved[0].doubles().allSatisfy { $0 == 0 } && itself.saved[1].doubles().allSatisfy { $0 == 0 })
    }

    private struct Golden: Decodable {
        struct Case: Decodable {
            var temperature: Double, crossEntropyFactor: Double, divergenceFactor: Double
            var labels: [Int32], rows: [Int]
            var h: [Double], head: [Double], teacherH: [Double], teacherHead: [Double]
            var crossEntropy: Double, divergence: Double
            var dh: [Double], dHead: [Double]
        }
        var hidden: Int, teacherHidden: Int, vocabulary: Int
        var cases: [Case]
    }

    /// What torch computes from the definitions, in float64.
    @Test(arguments: [(DType.f64, 1e-13), (.f32, 3e-6)] + (GEMM.hasFastBFloat16 ? [(.bf16, 3e-2)] : []))
    func torch(type: DType, tolerance: Double) throws {
        let golden: Golden = try GoldenFiles.json("distillation/loss.json")
        for (number, c) in golden.cases.enumerated() {
            func tensor(_ values: [Double], _ columns: Int) -> Tensor {
                let wide = Tensor(values, [values.count / columns, columns])
                if type == .f64 { return wide }
                return Elementwise.convert(Elementwise.convert(wide, to: .f32), to: type)
            }
            let op = DistillationLoss(
                labels: c.labels, rows: c.rows, temperature: c.temperature, crossEntropyFactor: c.crossEntropyFactor, divergenceFactor: c.divergenceFactor)
            var tape = Tape()
            let h = tape.input(tensor(c.h, golden.hidden)), head = tape.input(tensor(c.head, golden.hidden))
            let out = tape.apply(
                op, h, head, Variable(constant: tensor(c.teacherH, golden.teacherHidden)), Variable(constant: tensor(c.teacherHead, golden.teacherHidden)))
            let found = out.value.doubles()
            let loss = c.crossEntropyFactor * c.crossEntropy + c.divergenceFactor * c.divergence
            for (name, value, expected) in [("loss", found[0], loss), ("ce", found[1], c.crossEntropy), ("kl", found[2], c.divergence)] {
                #expect(abs(value - expected) <= tolerance * expected, "\(type), case \(number): \(name) \(value), torch \(expected)")
            }
            let gradients = tape.backward(from: out, cotangent: Tensor([1.0, 0, 0], [3]), into: Gradients(shapes: [], type: type.wide), returning: [h, head])
            for (name, gradient, expected) in [("dh", gradients[0], c.dh), ("dhead", gradients[1], c.dHead)] {
                let error = relativeError(try #require(gradient).doubles(), expected)
                #expect(error < tolerance, "\(type), case \(number): \(name) is off by \(error)")
            }
        }
    }
}
