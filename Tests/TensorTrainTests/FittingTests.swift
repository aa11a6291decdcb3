import Kernels
import Testing

@testable import TensorTrain

@Suite struct FittingTests {
    private let patient = FitOptions(maximumSweeps: 400, tolerance: 1e-9, steps: 60, stepTolerance: 1e-9, damping: 1e-10)

    private func with(_ options: FitOptions, _ solver: FitOptions.Solver) -> FitOptions {
        var options = options
        options.solver = solver
        return options
    }

    @Test func errorIsThatOfTheDefinition() throws {
        for layout in FittingCase.layouts {
            let problem = try FittingCase.problem(layout)
            let mpo = Naive.operatorOf(layout, seed: 9)
            let expected =
                FittingCase.loss(problem, Naive.dense(mpo)) / FittingCase.loss(problem, Naive.dense(.zero(layout)))
            #expect(abs(problem.relativeError(of: mpo) - expected) < 1e-12 * max(1, expected), "\(layout)")
        }
    }

    /// More columns than one block of the sum over the upper half of C.
    @Test func errorOfManyColumns() throws {
        let layout = try MPOLayout(outFactors: [3, 2], inFactors: [25, 52], limit: .bondDimension(2))
        let problem = try FitProblem(
            weight: Naive.matrix(layout, seed: 1), matrix: FittingCase.moment(width: 1300, tokens: 30, seed: 2), columns: 1300)
        let mpo = Naive.operatorOf(layout, seed: 9)
        let expected = FittingCase.loss(problem, Naive.dense(mpo)) / FittingCase.loss(problem, Naive.dense(.zero(layout)))
        #expect(abs(problem.relativeError(of: mpo) - expected) < 1e-12 * expected)
        #expect(abs(problem.residual(of: mpo.dense()).relativeError - expected) < 1e-12 * expected)
    }

    /// Legs (o, 1), (1, i): the error is the tail of the singular values of W S, S S^T = C, and no sweep can lower it.
    @Test func oneLegGivesTheWhitenedSVD() throws {
        for (out, input) in [([14, 1], [1, 9]), ([1, 14], [9, 1]), ([7, 2], [1, 9]), ([2, 7], [9, 1])] {
            let layout = try MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(4))
            let problem = try FittingCase.problem(layout)
            // W S reordered to the cut: columns of C go with their core.
            let factor = try Cholesky(problem.moment, order: 9).lower
            let white = Naive.product(problem.target, factor, m: 14, n: 9, k: 9)
            let best = try MPO.singularValues(of: white, layout: layout, bond: 1)
                .dropFirst(4).reduce(0) { $0 + $1 * $1 } / problem.scale
            #expect(layout.isSolvedByStart)
            let fit = try problem.fit(layout)
            #expect(abs(fit.error - best) < 1e-6 * best, "\(layout): \(fit.error), best \(best)")
            let swept = try problem.refine(fit.mpo, options: patient)
            #expect(swept.error > best * (1 - 1e-9), "\(layout): \(swept.error), best \(best)")
        }
    }

    @Test func errorsNeverRise() throws {
        for layout in FittingCase.layouts {
            let problem = try FittingCase.problem(layout)
            for solver in FitOptions.Solver.allCases {
                for steps in [1, 3] {
                    let fit = try problem.fit(
                        layout, options: FitOptions(solver: solver, maximumSweeps: 6, tolerance: 0, steps: steps, damping: 1e-3))
                    #expect(zip(fit.errors, fit.errors.dropFirst()).allSatisfy { $0 >= $1 }, "\(layout) \(solver): \(fit.errors)")
                    let expected = FittingCase.loss(problem, Naive.dense(fit.mpo)) / problem.scale
                    #expect(abs(fit.error - expected) < 1e-11, "\(layout) \(solver)")
                    #expect(fit.error <= fit.errors[0])
                }
            }
        }
    }

    /// At the end no core can be moved to lower the loss: by central differences, and by the projected gradient.
    @Test func theEndIsStationary() throws {
        for layout in FittingCase.layouts {
            let problem = try FittingCase.problem(layout)
            let start = FittingCase.loss(problem, Naive.dense(.zero(layout)))
            for solver in [FitOptions.Solver.exact, .conjugateGradients] {
                let fit = try problem.fit(layout, options: with(patient, solver))
                for core in 0..<layout.cores {
                    let centred = try fit.mpo.canonical(center: core)
                    var values = centred.values
                    for entry in stride(from: 0, to: values[core].count, by: 3) {
                        func loss(_ change: Double) -> Double {
                            values[core][entry] += change
                            defer { values[core][entry] -= change }
                            return FittingCase.loss(problem, Naive.dense(MPO(trusted: centred.layout, values)))
                        }
                        let slope = (loss(1e-4) - loss(-1e-4)) / 2e-4
                        #expect(abs(slope) < 2e-3 * start, "\(layout) \(solver), core \(core), entry \(entry): slope \(slope)")
                        #expect(loss(1e-2) > loss(0) - 1e-5 * start && loss(-1e-2) > loss(0) - 1e-5 * start)
                    }
                }
            }
        }
    }

    /// One core with the others fixed against least squares on the outputs: W' x - W x over the tokens, by QR.
    @Test func oneCoreIsDenseLeastSquares() throws {
        let layout = try MPOLayout(outFactors: [2, 3, 2], inFactors: [3, 1, 4], bonds: [1, 2, 3, 1])
        let tokens = 60
        let x = FittingCase.inputs(width: 12, tokens: tokens, seed: 4)
        let moment = Naive.product(Naive.transposed(x, rows: tokens, columns: 12), x, m: 12, n: 12, k: tokens)
        let weight = Naive.matrix(layout, seed: 3)
        let problem = try FitProblem(weight: weight, matrix: moment, columns: 12)
        let mpo = Naive.operatorOf(layout, seed: 6)
        let outputs = Naive.product(weight, Naive.transposed(x, rows: tokens, columns: 12), m: 12, n: tokens, k: 12)
        for core in 0..<3 {
            let local = CoreProblem(mpo, core: core)
            let count = layout.coreCount(core)
            // Rows: the outputs of chains with unit cores. Least squares by Q R: x = R^-1 Q^T y.
            let design = (0..<count).flatMap { index in
                Naive.product(
                    local.build((0..<count).map { $0 == index ? 1 : 0 }), Naive.transposed(x, rows: tokens, columns: 12), m: 12,
                    n: tokens, k: 12)
            }
            let qr = try LinearAlgebra.qr(Naive.transposed(design, rows: count, columns: 12 * tokens), rows: 12 * tokens, columns: count)
            var solution = Naive.product(Naive.transposed(qr.left, rows: 12 * tokens, columns: count), outputs, m: count, n: 1, k: 12 * tokens)
            for row in (0..<count).reversed() {
                for column in row + 1..<max(count, row + 1) { solution[row] -= qr.right[row * count + column] * solution[column] }
                solution[row] /= qr.right[row * count + row]
            }
            let (weighted, _) = problem.residual(of: local.build([Double](repeating: 0, count: count)))
            let found = try NormalMatrix(local, moment: moment).solve(local.project(weighted), local, damping: 0)
            expectClose(found, solution, "core \(core)", tolerance: 1e-8)
        }
    }

    @Test func exactAndConjugateGradientsAgree() throws {
        for (out, input, bond) in [([6, 4], [3, 8], 7), ([16, 1], [2, 10], 6), ([4, 3, 4], [3, 4, 2], 4)] {
            let layout = try MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(bond))
            let problem = try FittingCase.problem(layout)
            let exact = try problem.fit(layout, options: with(patient, .exact))
            let steps = try problem.fit(layout, options: with(patient, .conjugateGradients))
            #expect(abs(exact.error - steps.error) < 0.02 * exact.error, "\(layout): \(exact.error), \(steps.error)")
            #expect(exact.error < 0.9 * exact.errors[0], "\(layout): nothing was gained: \(exact.errors)")
        }
    }

    @Test func nothingIsLostWithoutACut() throws {
        for (out, input) in Naive.factors {
            let layout = try MPOLayout(outFactors: out, inFactors: input)
            let fit = try FittingCase.problem(layout).fit(layout)
            #expect(fit.error < 1e-20, "\(layout): \(fit.error)")
        }
    }

    @Test func singlePrecisionIsEnough() throws {
        let layout = try MPOLayout(outFactors: [8, 6], inFactors: [6, 10], limit: .bondDimension(20))
        let wide = try FittingCase.problem(layout)
        let narrow = try FitProblem(
            weight: wide.target.map { Float($0) }, matrix: wide.moment.map { Float($0) }, columns: layout.columns)
        for solver in [FitOptions.Solver.exact, .conjugateGradients] {
            let options = FitOptions(solver: solver, maximumSweeps: 20, tolerance: 1e-4)
            let (a, b) = (try wide.fit(layout, options: options), try narrow.fit(layout, options: options))
            #expect(abs(a.error - b.error) < 0.002 * a.error, "\(solver): \(a.error), \(b.error)")
            #expect(abs(wide.relativeError(of: b.mpo.converted(to: Double.self)) - b.error) < 1e-4 * b.error)
        }
    }

    @Test func sameBitsOnAnyNumberOfThreads() throws {
        let layout = try MPOLayout(outFactors: [48, 8], inFactors: [16, 20], limit: .bondDimension(30))
        let problem = try FitProblem<Float>(
            weight: Naive.matrix(layout, seed: 1).map { Float($0) },
            matrix: FittingCase.moment(width: 320, tokens: 500, seed: 2).map { Float($0) }, columns: 320)
        let before = Parallel.threads
        defer { Parallel.threads = before }
        var results: [MPO<Float>] = []
        for threads in [1, 2, 3] {
            Parallel.threads = threads
            results.append(try problem.fit(layout, options: FitOptions(maximumSweeps: 2)).mpo)
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test func theSweepThatIsBestOnOtherTokensIsKept() throws {
        let layout = try MPOLayout(outFactors: [6, 4], inFactors: [4, 8], limit: .bondDimension(8))
        let weight = Naive.matrix(layout, seed: 1)
        // Few tokens to fit, so that later sweeps fit them and nothing else.
        let few = try FitProblem(
            weight: weight, matrix: FittingCase.moment(width: 32, tokens: 20, seed: 1), columns: 32)
        let other = try FitProblem(
            weight: weight, matrix: FittingCase.moment(width: 32, tokens: 400, seed: 2), columns: 32)
        let fit = try few.fit(layout, options: FitOptions(maximumSweeps: 60, tolerance: 0), held: other)
        #expect(fit.heldErrors.count > 2 && fit.heldErrors.count < 60)
        #expect(fit.heldError == fit.heldErrors.min())
        #expect(other.relativeError(of: fit.mpo) == fit.heldError)
        let error = few.relativeError(of: fit.mpo)
        #expect(abs(error - fit.error) < 1e-13, "\(error), \(fit.error)")
    }

    @Test func degenerateProblems() throws {
        let layout = try MPOLayout(outFactors: [3, 4], inFactors: [2, 3], limit: .bondDimension(2))
        let weight = Naive.matrix(layout, seed: 1)
        var one = [Double](repeating: 0, count: 36)
        one[7] = 2
        let zero = [Double](repeating: 0, count: 36)
        // Only column 1 of W matters: as a 3 x 4 matrix, cut to rank 2.
        let column = (0..<12).map { weight[$0 * 6 + 1] }
        let tail = try MPO.singularValues(of: column, layout: MPOLayout(outFactors: [3, 4], inFactors: [1, 1]), bond: 1)[2]
        for (matrix, best) in [(zero, 0), (one, tail * tail / Naive.dot(column, column))] {
            let fit = try FitProblem(weight: weight, matrix: matrix, columns: 6).fit(layout)
            #expect(abs(fit.error - best) < 1e-4 * best + 1e-12, "\(fit.error), best \(best)")
            #expect(fit.mpo.values.allSatisfy { $0.allSatisfy(\.isFinite) })
        }
        let none = try FitProblem(weight: [Double](repeating: 0, count: 72), matrix: FittingCase.moment(width: 6, tokens: 9, seed: 1), columns: 6)
        #expect(try none.fit(layout).error == 0)
        var broken = weight
        broken[3] = .nan
        #expect(throws: TensorTrainError.self) { try FitProblem(weight: broken, matrix: one, columns: 6) }
        let problem = try FitProblem(weight: weight, matrix: one, columns: 6)
        let wrong = try MPOLayout(outFactors: [3, 4], inFactors: [3, 3])
        #expect(throws: TensorTrainError.self) { try problem.fit(wrong) }
    }
}
