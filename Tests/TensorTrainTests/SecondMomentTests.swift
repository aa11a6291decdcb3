import Kernels
import Testing

@testable import TensorTrain

@Suite struct SecondMomentTests {
    private func floats(_ width: Int, _ tokens: Int, _ seed: UInt64) -> [Float] {
        FittingCase.inputs(width: width, tokens: tokens, seed: seed).map { Float($0) }
    }

    private func naive(_ x: [Float], _ y: [Float], _ width: Int) -> [Double] {
        let tokens = x.count / width
        return Naive.product(
            Naive.transposed(x.map { Double($0) }, rows: tokens, columns: width), y.map { Double($0) }, m: width, n: width,
            k: tokens
        ).map { $0 / Double(tokens) }
    }

    @Test func isTheMeanOfProducts() throws {
        for (width, tokens) in [(1, 3), (7, 5), (300, 40), (5, 2500)] {
            let x = floats(width, tokens, 1)
            var moment = SecondMoment(width: width)
            moment.add(x)
            #expect(moment.tokens == tokens)
            let expected = naive(x, x, width)
            expectClose(try moment.matrix(as: Double.self), expected, "\(width), \(tokens)", tolerance: 1e-6)
            let mean = (0..<width).reduce(0) { $0 + expected[$1 * width + $1] } / Double(width)
            var shrunk = expected.map { 0.7 * $0 }
            for index in 0..<width { shrunk[index * width + index] += 0.3 * mean }
            expectClose(try moment.matrix(shrinkage: 0.3), shrunk, "shrunk", tolerance: 1e-6)
        }
    }

    /// Blocks are added in double: many small ones beside a large one keep their digits.
    @Test func longSumsKeepTheirDigits() throws {
        var moment = SecondMoment(width: 2)
        moment.add([3000, 1] + [Float](repeating: 0, count: 2 * 1023))
        for _ in 0..<200 { moment.add([Float](repeating: 0.1, count: 2 * 1024)) }
        let expected = 9e6 + 200 * 1024 * 0.01
        #expect(abs(moment.sum[0] - expected) < 1e-7 * expected, "\(moment.sum[0])")
    }

    @Test func mergesAndRestores() throws {
        let (x, y) = (floats(9, 1024, 1), floats(9, 70, 2))
        var whole = SecondMoment(width: 9)
        whole.add(x)
        whole.add(y)
        var (a, b) = (SecondMoment(width: 9), SecondMoment(width: 9))
        a.add(x)
        b.add(y)
        a.merge(b)
        #expect(a == whole)
        #expect(SecondMoment(width: 9, tokens: a.tokens, sum: a.sum, fourth: a.fourth) == whole)
    }

    @Test func sameBitsOnAnyNumberOfThreads() {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        var moments: [SecondMoment] = []
        for threads in [1, 2, 3] {
            Parallel.threads = threads
            var moment = SecondMoment(width: 600)
            moment.add(floats(600, 50, 1))
            moments.append(moment)
        }
        #expect(moments[0] == moments[1] && moments[0] == moments[2])
    }

    /// The best shrinkage brings the moment nearer to the true one than none and than twice as much.
    @Test func ledoitWolfIsNearTheBest() throws {
        let width = 40
        let truth = naive(floats(width, 40_000, 9), floats(width, 40_000, 9), width)
        var gains = 0.0
        for seed in 1...5 as ClosedRange<UInt64> {
            var moment = SecondMoment(width: width)
            moment.add(floats(width, 30, seed))
            let share = moment.ledoitWolf
            #expect(share > 0 && share < 1)
            func distance(_ shrinkage: Double) throws -> Double {
                Naive.distance(try moment.matrix(shrinkage: shrinkage), truth)
            }
            gains += try distance(0) - distance(share)
            #expect(try distance(share) < distance(min(1, 3 * share)))
        }
        #expect(gains > 0)
        var many = SecondMoment(width: width)
        many.add(floats(width, 20_000, 3))
        #expect(many.ledoitWolf < 0.01)
    }

    @Test func badInputsAreErrors() throws {
        #expect(throws: TensorTrainError.self) { try SecondMoment(width: 3).matrix(as: Float.self) }
        var moment = SecondMoment(width: 3)
        moment.add([1, 2, 3, 4, .nan, 6])
        #expect(throws: TensorTrainError.self) { try moment.matrix(as: Float.self) }
        var fine = SecondMoment(width: 3)
        fine.add([1, 2, 3])
        #expect(throws: TensorTrainError.self) { try fine.matrix(shrinkage: 1.5, as: Float.self) }
    }

    /// bfloat16 inputs give what their values give in float32, but for the order of the sums: of n products each may be off by n roundings of 2^-24
    /// of the sum of their absolute values (Higham 2002, eq. 3.5), which is far below one rounding of a sum to bfloat16.
    @Test(.enabled(if: GEMM.hasFastBFloat16)) func narrowInputs() throws {
        let (width, tokens) = (40, 1300)
        let x = Elementwise.convert(Tensor(floats(width, tokens, 1), [tokens, width]), to: .bf16)
        let z = Elementwise.convert(Tensor(floats(width, tokens, 2), [tokens, width]), to: .bf16)
        let (wideX, wideZ) = (Elementwise.convert(x, to: .f32), Elementwise.convert(z, to: .f32))
        var narrow = CrossMoment(width: width), wide = CrossMoment(width: width)
        narrow.add(original: x, student: z)
        wide.add(original: wideX, student: wideZ)
        let (xs, zs) = (wideX.floats(), wideZ.floats())
        let (magnitudesX, magnitudesZ) = (xs.map(abs), zs.map(abs))
        for (sum, exact, magnitude) in [
            (narrow.sum, naive(xs, zs, width), naive(magnitudesX, magnitudesZ, width)),
            (narrow.student.sum, naive(zs, zs, width), naive(magnitudesZ, magnitudesZ, width)),
        ] {
            // The references are means over the tokens.
            for i in exact.indices { #expect(abs(sum[i] / Double(tokens) - exact[i]) <= Double(tokens) * 0x1p-24 * magnitude[i]) }
        }
        #expect(narrow.original.fourth == wide.original.fourth && narrow.tokens == tokens)
    }

    @Test func crossMomentsAimAtTheOriginalOutputs() throws {
        let (width, tokens) = (12, 300)
        let x = floats(width, tokens, 1)
        let noise = floats(width, tokens, 2)
        let z = zip(x, noise).map { $0 + 0.3 * $1 }
        let layout = try MPOLayout(outFactors: [4, 3], inFactors: [3, 4], limit: .bondDimension(5))
        let weight = Naive.matrix(layout, seed: 3)
        var inputs = CrossMoment(width: width)
        inputs.add(original: x, student: z)
        let problem = try FitProblem(weight: weight, inputs: inputs)

        // E|W x - W' z|^2 / E|W x|^2 token by token.
        func error(_ dense: [Double]) -> Double {
            let a = Naive.product(x.map { Double($0) }, Naive.transposed(weight, rows: 12, columns: width), m: tokens, n: 12, k: width)
            let b = Naive.product(z.map { Double($0) }, Naive.transposed(dense, rows: 12, columns: width), m: tokens, n: 12, k: width)
            return Naive.dot(zip(a, b).map { $0 - $1 }, zip(a, b).map { $0 - $1 }) / Naive.dot(a, a)
        }
        let fit = try problem.fit(layout, options: FitOptions(maximumSweeps: 50, tolerance: 1e-6))
        #expect(abs(fit.error - error(Naive.dense(fit.mpo))) < 1e-5, "\(fit.error)")
        #expect(abs(problem.irreducible / problem.scale - error(problem.target)) < 1e-5)
        #expect(error(problem.target) < error(weight))
        let blind = try FitProblem<Double>(weight: weight, moment: inputs.original).fit(layout)
        #expect(fit.error < error(Naive.dense(blind.mpo)))

        // An output that is added to a stream makes up for what the stream has lost too: W x + d is aimed at.
        let mixing = Naive.matrix(layout, seed: 5)
        let d = zip(Naive.product(noise.map { Double($0) }, mixing, m: tokens, n: 12, k: width), floats(12, tokens, 6)).map { Float(0.5 * $0) + 0.1 * $1 }
        let outputs = Naive.product(x.map { Double($0) }, Naive.transposed(weight, rows: 12, columns: width), m: tokens, n: 12, k: width)
        let t = zip(outputs, d).map { Float($0) + $1 }
        var stream = StreamMoment(rows: 12, columns: width)
        stream.add(target: Tensor(t, [tokens, 12]), student: Tensor(z, [tokens, width]))
        let scales = (0..<12).map { 1 + 0.2 * Double($0) }
        for (row, weighs) in [(nil, [Double](repeating: 1, count: 12)), (scales, scales)] as [([Double]?, [Double])] {
            let weighed = weight.indices.map { weight[$0] * weighs[$0 / width] }
            let corrected = try FitProblem(weight: weighed, stream: row.map(stream.scaled) ?? stream)
            func lost(_ dense: [Double]) -> (absolute: Double, scale: Double) {
                let y = t.indices.map { Double(t[$0]) * weighs[$0 % 12] }
                let b = Naive.product(z.map { Double($0) }, Naive.transposed(dense, rows: 12, columns: width), m: tokens, n: 12, k: width)
                let e = zip(y, b).map { $0 - $1 }
                return (Naive.dot(e, e) / Double(tokens), Naive.dot(y, y) / Double(tokens))
            }
            let best = lost(corrected.target)
            #expect(abs(corrected.irreducible - best.absolute) < 1e-5 * best.scale && abs(corrected.scale - best.scale) < 1e-5 * best.scale)
            let without = try FitProblem(weight: weighed, inputs: inputs)
            #expect(best.absolute < 0.9 * lost(without.target).absolute)
            #expect(abs(corrected.relativeError(of: weighed) * corrected.scale - lost(weighed).absolute) < 1e-5 * best.scale)
        }
        // A stream that has lost nothing: the target is W, shrunk or not.
        var whole = StreamMoment(rows: 12, columns: width)
        whole.add(target: Tensor(outputs.map { Float($0) }, [tokens, 12]), student: Tensor(x, [tokens, width]))
        for shrinkage in [0, 0.2] {
            let same = try FitProblem(weight: weight, stream: whole, shrinkage: shrinkage)
            expectClose(same.target, weight, "stream, shrinkage \(shrinkage)", tolerance: 1e-5)
            #expect(same.irreducible < 1e-5 * same.scale)
        }

        // Equal inputs: the target is W, shrunk or not.
        var equal = CrossMoment(width: width)
        equal.add(original: x, student: x)
        for shrinkage in [0, 0.2] {
            let same = try FitProblem(weight: weight, inputs: equal, shrinkage: shrinkage)
            expectClose(same.target, weight, "shrinkage \(shrinkage)", tolerance: 1e-5)
            #expect(same.irreducible < 1e-5 * same.scale)
        }
    }
}
