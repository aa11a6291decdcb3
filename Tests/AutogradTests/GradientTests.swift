import Autograd
import Kernels
import TensorTrain
import TestSupport
import Testing

/// Every primitive against finite differences in Double, with a random cotangent.
@Suite struct GradientTests {
    func check(_ op: some Primitive, _ inputs: [Tensor], checked: [Int]? = nil, _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
        for (input, error) in GradientCheck().run(op, inputs, checked: checked) {
            #expect(error < 1e-6, "\(type(of: op)) \(label): input \(input) is off by \(error)", sourceLocation: sourceLocation)
        }
    }

    @Test func embedding() {
        var r = SplitMix(1)
        check(Embedding(tokens: [2, 0, 2, 4]), [r.tensor([5, 3])])
    }

    @Test func norms() {
        var r = SplitMix(2)
        check(Norm(epsilon: 1e-5, output: .f64), [r.tensor([67, 5]), r.tensor([5])])
        check(Norm(epsilon: 1e-5, output: .f64), [r.tensor([3, 33]), r.tensor([33])], checked: [0])
        // Where a weight is zero, x cannot be found again from the output.
        var weight = r.tensor([5]).doubles()
        weight[3] = 0
        check(Norm(epsilon: 1e-5, output: .f64), [r.tensor([67, 5]), Tensor(weight, [5])])
        check(HeadNorm(heads: 3, epsilon: 1e-6), [r.tensor([70, 12]), r.tensor([4])])
        check(HeadNorm(heads: 3, epsilon: 1e-6), [r.tensor([7, 12]), r.tensor([4])], checked: [0])
    }

    @Test func rope() {
        var r = SplitMix(3)
        let table = RotaryTable(cosines: r.tensor([9, 3]), sines: r.tensor([9, 3]))
        check(Rope(heads: 2, positions: [0, 1, 2, 0, 8], table: table), [r.tensor([5, 12])])
    }

    @Test(arguments: [[0, 5], [0, 1, 4, 9], [0, 70, 137]])
    func attention(segments: [Int]) {
        var r = SplitMix(4)
        let T = segments.last!
        let op = CausalAttention(Attention(heads: 4, kvHeads: 2, headDim: 6), segments: segments)
        check(op, [r.tensor([T, 24]), r.tensor([T, 12]), r.tensor([T, 12])], "segments \(segments)")
    }

    @Test func gatedUnit() {
        var r = SplitMix(5)
        check(GatedUnit(), [r.tensor([5, 7]), r.tensor([5, 7])])
    }

    @Test func linear() {
        var r = SplitMix(6)
        let x = r.tensor([7, 5]), w = r.tensor([4, 5]), b = r.tensor([4]), residual = r.tensor([7, 4])
        check(Linear(), [x, w])
        check(Linear(hasBias: true), [x, w, b])
        check(Linear(hasResidual: true), [x, w, residual])
        check(Linear(hasBias: true, hasResidual: true), [x, w, b, residual])
        for subset in [[0], [1], [2], [0, 3]] {
            check(Linear(hasBias: true, hasResidual: true), [x, w, b, residual], checked: subset, "\(subset)")
        }
    }

    @Test func headLoss() {
        var r = SplitMix(7)
        let labels: [Int32] = (0..<530).map { $0 % 3 == 1 ? -100 : Int32($0 % 11) }
        check(HeadLoss(labels: labels), [r.tensor([530, 3]), r.tensor([11, 3])])
        check(HeadLoss(labels: [-100, 4, 1]), [r.tensor([3, 3]), r.tensor([11, 3])], checked: [0])
    }

    /// One to seven cores with unequal factors, both ways of contraction, every subset of wishes that training uses.
    @Test(arguments: [
        ([6], [5], [1, 1]),
        ([2, 3], [3, 2], [1, 4, 1]),
        ([4, 1], [1, 6], [1, 3, 1]),
        ([1, 4], [3, 2], [1, 2, 1]),
        ([2, 3, 2], [3, 1, 2], [1, 3, 2, 1]),
        ([3, 2, 2, 1], [1, 2, 3, 2], [1, 2, 5, 2, 1]),
        ([2, 1, 3, 2, 2], [2, 3, 1, 2, 1], [1, 3, 4, 3, 2, 1]),
        ([2, 2, 2, 1, 2, 2], [2, 1, 2, 2, 2, 2], [1, 2, 2, 3, 2, 2, 1]),
        ([2, 2, 2, 2, 2, 2, 2], [2, 2, 2, 1, 1, 2, 2], [1, 1, 2, 1, 2, 1, 1, 1]),
    ])
    func mpo(out: [Int], input: [Int], bonds: [Int]) throws {
        var r = SplitMix(8)
        let layout = try MPOLayout(outFactors: out, inFactors: input, bonds: bonds)
        let cores = (0..<layout.cores).map { r.tensor(layout.coreShape($0)) }
        let x = r.tensor([9, layout.columns]), bias = r.tensor([layout.rows]), residual = r.tensor([9, layout.rows])
        let plans: [ContractionPlan] = [.rebuild, .coreByCore(.leftToRight), .coreByCore(.rightToLeft)]
        for plan in plans {
            let chain = DenseForm(layout)
            check(MPOLinear(chain, plan: plan), [x] + cores, "\(layout) \(plan)")
            check(MPOLinear(chain, plan: plan, hasBias: true, hasResidual: true), [x] + cores + [bias, residual], "\(layout) \(plan) framed")
            check(MPOLinear(chain, plan: plan), [x] + cores, checked: [0], "\(layout) \(plan) only x")
            check(MPOLinear(chain, plan: plan), [x] + cores, checked: Array(1...layout.cores), "\(layout) \(plan) only cores")
        }
        // The dense matrix agrees with the algebra's own.
        let mpo = try MPO<Double>(layout: layout, values: cores.map { $0.doubles() })
        let dense = DenseForm(layout).dense(cores, type: .f64).doubles()
        let expected = mpo.dense()
        #expect(zip(dense, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(layout)")
    }

    /// The check itself must be able to fail.
    @Test func aWrongPullbackIsFound() {
        struct Wrong: Primitive {
            func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation { Linear().forward(inputs, wants: wants) }
            func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
                let twisted = Tensor(cotangent.doubles().enumerated().map { $0 == 3 ? $1 * 1.0001 : $1 }, cotangent.shape)
                Linear().pullback(twisted, saved: saved, into: &cotangents)
            }
        }
        var r = SplitMix(9)
        let errors = GradientCheck().run(Wrong(), [r.tensor([7, 5]), r.tensor([4, 5])])
        #expect(errors.allSatisfy { $0.error > 1e-6 })
    }
}
