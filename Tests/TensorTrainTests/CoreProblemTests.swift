import Kernels
import Testing

@testable import TensorTrain

@Suite struct CoreProblemTests {
    private func unit(_ count: Int, _ index: Int) -> [Double] { (0..<count).map { $0 == index ? 1 : 0 } }

    /// Each core of each chain as a least-squares problem, with its normal matrix.
    private func forEachCore(_ body: (_ name: String, FitProblem<Double>, CoreProblem<Double>, NormalMatrix) throws -> Void) throws {
        for layout in FittingCase.layouts {
            let problem = try FittingCase.problem(layout)
            let mpo = Naive.operatorOf(layout, seed: 2)
            for core in 0..<layout.cores {
                let local = CoreProblem(mpo, core: core)
                try body("\(layout), core \(core)", problem, local, NormalMatrix(local, moment: problem.moment))
            }
        }
    }

    @Test func buildingPutsTheCoreIntoTheChain() throws {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 3)
            for core in 0..<layout.cores {
                let local = CoreProblem(mpo, core: core)
                expectClose(local.build(mpo.cores[core].values), Naive.dense(mpo), "\(layout), core \(core)")
                let matrix = Naive.matrix(layout, seed: 4)
                let x = Naive.random(layout.coreCount(core), seed: 5)
                let (left, right) = (Naive.dot(local.build(x), matrix), Naive.dot(x, local.project(matrix)))
                #expect(abs(left - right) < 1e-11 * max(1, abs(left)), "\(layout), core \(core): not adjoint")
            }
        }
    }

    /// The normal matrix is J (I (x) C) J^T with the rows of J the chains of unit cores, for every out index alike.
    @Test func normalMatrixIsThatOfTheDefinition() throws {
        try forEachCore { name, problem, local, normal in
            let apply = NormalOperator(local, moment: problem.moment)
            #expect(normal.order == local.order)
            let (a, o, i, b) = (local.left.bond, local.out, local.in, local.right.bond), count = a * o * i * b
            let chains = (0..<count).map { local.build(unit(count, $0)) }
            for row in 0..<count {
                let image = Naive.product(chains[row], problem.moment, m: problem.rows, n: problem.columns, k: problem.columns)
                let expected = (0..<count).map { column -> Double in
                    // [a, o, i, b] to [a, i, b], and zero between different outs.
                    func split(_ index: Int) -> (out: Int, unknown: Int) { (index / b / i % o, (index / b / i / o * i + index / b % i) * b + index % b) }
                    let (from, to) = (split(row), split(column))
                    return from.out == to.out ? normal.values[from.unknown * normal.order + to.unknown] : 0
                }
                expectClose(chains.map { Naive.dot(image, $0) }, expected, "\(name), row \(row)")
                expectClose(apply(unit(count, row)).image, expected, "\(name), row \(row)")
            }
        }
    }

    /// The preconditioner inverts a normal matrix that is a Kronecker product, up to its damping.
    @Test func preconditionerIsExactForOneLeg() throws {
        for (out, input, core) in [([8, 1], [1, 6], 1), ([8, 1], [1, 6], 0), ([4, 3], [1, 5], 1), ([2, 5], [6, 1], 0)] {
            let layout = try MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(3))
            let problem = try FittingCase.problem(layout)
            let local = CoreProblem(Naive.operatorOf(layout, seed: 7), core: core)
            let preconditioner = try KroneckerPreconditioner(local, moment: problem.moment, damping: 1e-13)
            let x = Naive.random(layout.coreCount(core), seed: 8)
            let image = NormalOperator(local, moment: problem.moment)(x).image
            expectClose(preconditioner.apply(image, out: local.out), x, "\(layout), core \(core)", tolerance: 1e-7)
        }
    }

    /// Its inverse is N_a (x) N_i (x) N_b, each as sums over the normal matrix: N_i over equal bonds, the others over N_i^-1 and the other bond.
    @Test func preconditionerIsThatOfTheDefinition() throws {
        var compared = 0
        try forEachCore { name, problem, local, normal in
            let (a, o, i, b) = (local.left.bond, local.out, local.in, local.right.bond)
            // Bonds that are not independent make a factor singular; damping then hides what is compared.
            guard (try? Cholesky(normal.values, order: normal.order)) != nil else { return }
            compared += 1
            /// N summed over weights [a, i, b], [a', i', b'], to places [count, count].
            func sum(_ count: Int, normalized: Bool = true, _ weight: (_ row: [Int], _ column: [Int]) -> (row: Int, column: Int, weight: Double)) -> [Double] {
                var result = [Double](repeating: 0, count: count * count)
                for row in 0..<normal.order {
                    for column in 0..<normal.order {
                        let place = weight([row / b / i, row / b % i, row % b], [column / b / i, column / b % i, column % b])
                        result[place.row * count + place.column] += place.weight * normal.values[row * normal.order + column]
                    }
                }
                let trace = (0..<count).reduce(0) { $0 + result[$1 * count + $1] }
                return normalized ? result.map { $0 / trace } : result
            }
            let ofIn = sum(i, normalized: false) { ($0[1], $1[1], $0[0] == $1[0] && $0[2] == $1[2] ? 1 : 0) }
            let inverse = try symmetricInverse(ofIn, order: i)
            let ofLeft = sum(a) { ($0[0], $1[0], $0[2] == $1[2] ? inverse[$0[1] * i + $1[1]] : 0) }
            let ofRight = sum(b) { ($0[2], $1[2], $0[0] == $1[0] ? inverse[$0[1] * i + $1[1]] : 0) }
            let product = WeightedTrace.kronecker([ofLeft, ofIn, ofRight])
            let x = Naive.random(a * o * i * b, seed: 8)
            let image = try KroneckerPreconditioner(local, moment: problem.moment, damping: 1e-13).apply(x, out: o)
            // The product times the image is x, for each out index.
            for out in 0..<o {
                func own(_ values: [Double]) -> [Double] {
                    (0..<normal.order).map { values[(($0 / b / i * o + out) * i + $0 / b % i) * b + $0 % b] }
                }
                expectClose(Naive.product(product, own(image), m: normal.order, n: 1, k: normal.order), own(x), name, tolerance: 1e-6)
            }
        }
        #expect(compared > 20, "\(compared) cores")
    }

    @Test func conjugateGradientsSolve() {
        // Three different eigenvalues take three steps.
        let diagonal: [Double] = [1, 4, 9, 1, 4, 9, 9]
        let b = Naive.random(7, seed: 1)
        func apply(_ x: [Double]) -> [Double] { zip(x, diagonal).map { $0 * $1 } }
        let three = conjugateGradients(b, steps: 50, tolerance: 1e-12, apply: apply, precondition: { $0 })
        #expect(three.steps == 3)
        expectClose(three.solution, zip(b, diagonal).map { $0 / $1 }, "three eigenvalues")
        let one = conjugateGradients(b, steps: 50, tolerance: 1e-12, apply: apply) { zip($0, diagonal).map { $0 / $1 } }
        #expect(one.steps == 1)
        // The steps along the directions that were applied add up to the solution.
        var direction: [Double] = [], sum = [Double](repeating: 0, count: 7)
        let followed = conjugateGradients(
            b, steps: 2, tolerance: 0,
            apply: {
                direction = $0
                return apply($0)
            }, precondition: { $0 }, moved: { length in sum = zip(sum, direction).map { $0 + length * $1 } })
        #expect(sum == followed.solution)
        let none = conjugateGradients([0, 0] as [Double], steps: 5, tolerance: 0, apply: { $0 }, precondition: { $0 })
        #expect(none.steps == 0 && none.solution == [0, 0])
    }
}
