import Kernels
import Testing

@testable import TensorTrain

/// Inputs and weights from which nothing much can be learnt: fits of them have finite cores, and the best where there is a best.
@Suite struct DegenerateFitTests {
    private static let layouts = FittingCase.layouts.filter { $0.columns >= 6 }

    private func floats(_ layout: MPOLayout, seed: UInt64) -> [Float] { Naive.matrix(layout, seed: seed).map { Float($0) } }

    private func rows(_ values: [Double]) -> [Float] { values.map { Float($0) } }

    /// Problems of one matrix with the same rows in both models, and as an addition to a stream.
    private func problems(_ weight: [Float], _ layout: MPOLayout, original x: [Float], student z: [Float], shrinkage: Double) throws -> [FitProblem<Float>] {
        let (out, width) = (layout.rows, layout.columns)
        var alone = SecondMoment(width: width), both = CrossMoment(width: width), stream = StreamMoment(rows: out, columns: width)
        alone.add(z)
        both.add(original: x, student: z)
        let count = x.count / width
        var target = [Float](repeating: 0, count: count * out)
        for token in 0..<count {
            for row in 0..<out { for column in 0..<width { target[token * out + row] += weight[row * width + column] * x[token * width + column] } }
        }
        stream.add(target: Tensor(target, [count, out]), student: Tensor(z, [count, width]))
        return [
            try FitProblem(weight: weight, moment: alone, shrinkage: shrinkage), try FitProblem(weight: weight, inputs: both, shrinkage: shrinkage),
            try FitProblem(weight: weight, stream: stream, shrinkage: shrinkage),
        ]
    }

    private func expectFinite(_ fit: Fit<Float>, _ what: String) {
        #expect(fit.error.isFinite && fit.mpo.values.allSatisfy { $0.allSatisfy(\.isFinite) }, "\(what)")
    }

    /// Where every input is 0, the matrix itself is decomposed: cores as good as those of TT-SVD, and no error.
    @Test func inputsOfZero() throws {
        for layout in Self.layouts {
            let weight = floats(layout, seed: 1), zeros = [Float](repeating: 0, count: 5 * layout.columns)
            let svd = try MPO<Float>.decompose(weight, layout: layout).mpo
            for (kind, problem) in try problems(weight, layout, original: zeros, student: zeros, shrinkage: 0.05).enumerated() {
                #expect(problem.isBlind)
                #expect(try problem.squaredSingularValues().allSatisfy { $0 == 0 })
                let fit = try problem.fit(layout)
                expectFinite(fit, "\(layout), kind \(kind)")
                let (distance, least) = (try fit.mpo.distance(toDense: weight), try svd.distance(toDense: weight))
                #expect(fit.error == 0 && distance <= 1.001 * least + 1e-4, "\(layout), kind \(kind): \(distance), TT-SVD \(least)")
            }
        }
    }

    /// The original has inputs, and what is fitted has none: the matrix stays as near to itself as it can.
    @Test func inputsOfZeroBehindCompressedLayers() throws {
        let layout = Self.layouts[0], weight = floats(layout, seed: 1)
        let x = rows(FittingCase.inputs(width: layout.columns, tokens: 7, seed: 3)), zeros = [Float](repeating: 0, count: x.count)
        for problem in try problems(weight, layout, original: x, student: zeros, shrinkage: 0) {
            #expect(problem.isBlind)
            expectFinite(try problem.fit(layout), "\(layout)")
        }
    }

    @Test func aSearchWithoutInputs() throws {
        let weight = (0..<20 * 12).map { Float($0 % 7) - 3 }
        let problem = try FitProblem(weight: weight, matrix: [Float](repeating: 0, count: 400), columns: 20)
        let found = try LegsSearch().run(LegsSearch.Candidates(out: 12, in: 20, keep: 0.6), fit: problem, held: problem)
        expectFinite(found.fit, "search")
        #expect(found.rows.allSatisfy { $0.heldError.isFinite })
    }

    /// Two tokens, one token over and over, one input that dwarfs the rest, inputs that never occur: with no white noise asked for the moment has no inverse.
    @Test(arguments: [0, 0.05]) func inputsThatDoNotSpanTheirSpace(shrinkage: Double) throws {
        for layout in Self.layouts {
            let width = layout.columns, weight = floats(layout, seed: 2), good = FittingCase.inputs(width: width, tokens: 40, seed: 3)
            var outlier = good, dead = good
            for token in 0..<40 {
                outlier[token * width + 1] *= 1e6
                for column in 0..<width where column % 3 == 0 { dead[token * width + column] = 0 }
            }
            let cases = [
                "two tokens": Array(good.prefix(2 * width)), "one token": (0..<30).flatMap { _ in good.prefix(width) }, "constant": [Double](repeating: 0.7, count: 30 * width),
                "outlier": outlier, "dead": dead, "tiny": good.map { $0 * 1e-15 }, "huge": good.map { $0 * 1e12 },
            ]
            for (name, x) in cases {
                for (kind, problem) in try problems(weight, layout, original: rows(x), student: rows(x), shrinkage: shrinkage).enumerated() {
                    let fit = try problem.fit(layout)
                    expectFinite(fit, "\(layout), \(name), kind \(kind)")
                    #expect(fit.error <= 1.001, "\(layout), \(name), kind \(kind): \(fit.error)")
                    #expect(try problem.squaredSingularValues().allSatisfy(\.isFinite), "\(layout), \(name), kind \(kind)")
                }
            }
        }
    }

    /// Weights that are all 0, too small to be squared, or too large to be: the error of zeros is 0.
    @Test(arguments: [0, 1e-42, 1e-30, 1e15]) func weightsOfAnySize(scale: Double) throws {
        for layout in Self.layouts {
            let weight = floats(layout, seed: 4).map { $0 * Float(scale) }, x = rows(FittingCase.inputs(width: layout.columns, tokens: 40, seed: 3))
            for problem in try problems(weight, layout, original: x, student: x, shrinkage: 0.05) {
                let fit = try problem.fit(layout)
                expectFinite(fit, "\(layout), weights of \(scale)")
                if scale == 0 { #expect(fit.error == 0 && fit.mpo.dense().allSatisfy { $0 == 0 }) }
            }
            let plain = try MPO<Float>.decompose(weight, layout: layout)
            #expect(plain.mpo.values.allSatisfy { $0.allSatisfy(\.isFinite) } && plain.truncation.relativeBound.isFinite)
        }
    }

    /// A message is about the matrix; which routine of which library it was helps nobody.
    @Test func messagesNameNoRoutine() {
        let errors: [LinearAlgebraError] = [
            .notFinite(routine: "dgesdd", rows: 3, columns: 4, row: 1, column: 2), .notConverged(routine: "dgesdd", rows: 3, columns: 4, info: 1),
            .notPositiveDefinite(routine: "dpotrf", order: 3, leadingMinor: 2), .tooLarge(routine: "dgesdd", rows: 3, columns: 4),
        ]
        for error in errors { #expect(!error.description.contains("dgesdd") && !error.description.contains("dpotrf"), "\(error)") }
    }
}
