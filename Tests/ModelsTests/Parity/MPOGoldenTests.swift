import Autograd
import Kernels
import TensorTrain
import TestSupport
import Testing

/// y = x W^T with W given by one to five cores: values and gradients of the reference, by every way of contraction.
@Suite struct MPOGoldenTests {
    struct Golden: Decodable {
        struct Case: Decodable {
            var out, `in`, bonds: [Int]
            var cores, core_gradients: [[Double]]
            var dense, x, y, cotangent, x_gradient: [Double]
        }
        var cases: [Case]
    }

    private static let plans: [ContractionPlan] = [.rebuild, .coreByCore(.leftToRight), .coreByCore(.rightToLeft)]

    @Test(arguments: [(DType.f64, 1e-13), (.f32, 5e-6)])
    func everyPlan(type: DType, limit: Double) throws {
        let golden: Golden = try GoldenFiles.json("models/mpo/golden.json")
        #expect(golden.cases.map(\.out.count).sorted() == [1, 2, 2, 3, 4, 5])
        for known in golden.cases {
            let layout = try MPOLayout(outFactors: known.out, inFactors: known.in, bonds: [1] + known.bonds + [1])
            func tensor(_ values: [Double], _ shape: [Int]) -> Tensor { Elementwise.convert(Tensor(values, shape), to: type) }
            let cores = known.cores.enumerated().map { tensor($1, layout.coreShape($0)) }, rows = known.x.count / layout.columns
            func check(_ found: Tensor?, _ expected: [Double], _ what: String) {
                let error = found.map { relativeError($0.doubles(), expected) } ?? .infinity
                #expect(error < limit, "\(layout) in \(type), \(what): off by \(error)")
            }
            check(DenseForm(layout).dense(cores, type: type), known.dense, "dense form")
            for plan in Self.plans {
                var tape = Tape()
                let inputs = ([tensor(known.x, [rows, layout.columns])] + cores).map { tape.input($0) }
                let y = tape.apply(MPOLinear(DenseForm(layout), plan: plan), to: inputs)
                check(y.value, known.y, "\(plan), y")
                let cotangents = tape.backward(
                    from: y, cotangent: tensor(known.cotangent, [rows, layout.rows]), into: Gradients(shapes: [], type: type), returning: inputs)
                check(cotangents[0], known.x_gradient, "\(plan), gradient of x")
                for (k, gradient) in known.core_gradients.enumerated() { check(cotangents[k + 1], gradient, "\(plan), gradient of core \(k)") }
            }
        }
    }
}
