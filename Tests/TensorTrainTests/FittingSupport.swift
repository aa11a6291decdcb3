@testable import TensorTrain

/// Small fitting problems with correlated inputs of unequal size.
enum FittingCase {
    /// Inputs, row-major [tokens, width]: each a mixture of its neighbours, with a few large ones.
    static func inputs(width: Int, tokens: Int, seed: UInt64) -> [Double] {
        let noise = Naive.random(tokens * width, seed: seed)
        return (0..<tokens * width).map { index in
            let (row, column) = (index / width, index % width)
            let scale = column % 5 == 3 ? 4.0 : 1 / Double(1 + column % 4)
            return scale * (noise[index] + 0.6 * noise[row * width + (column + 1) % width] + 0.4 * noise[row * width])
        }
    }

    static func moment(width: Int, tokens: Int, seed: UInt64) -> [Double] {
        let x = inputs(width: width, tokens: tokens, seed: seed)
        let sum = Naive.product(Naive.transposed(x, rows: tokens, columns: width), x, m: width, n: width, k: tokens)
        return sum.map { $0 / Double(tokens) }
    }

    static func problem(_ layout: MPOLayout, seed: UInt64 = 1, momentSeed: UInt64 = 5) throws -> FitProblem<Double> {
        try FitProblem(
            weight: Naive.matrix(layout, seed: seed),
            matrix: moment(width: layout.columns, tokens: 4 * layout.columns + 3, seed: momentSeed), columns: layout.columns)
    }

    /// tr((T - W') C (T - W')^T), straight from the definition.
    static func loss(_ problem: FitProblem<Double>, _ dense: [Double]) -> Double {
        let difference = zip(problem.target, dense).map { $0 - $1 }
        let product = Naive.product(difference, problem.moment, m: problem.rows, n: problem.columns, k: problem.columns)
        return Naive.dot(difference, product)
    }

    /// Chains of two to five cores whose bonds cut something.
    static var layouts: [MPOLayout] {
        Naive.factors.filter { $0.out.count > 1 }.compactMap { out, input in
            try? MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(2))
        } + [
            try! MPOLayout(outFactors: [12, 1], inFactors: [2, 6], limit: .bondDimension(4)),
            try! MPOLayout(outFactors: [1, 12], inFactors: [6, 2], limit: .bondDimension(4)),
            try! MPOLayout(outFactors: [4, 3], inFactors: [3, 4], limit: .bondDimension(5)),
            // A core of one entry, which is not the end of the chain.
            try! MPOLayout(outFactors: [1, 3, 2], inFactors: [1, 2, 3], limit: .bondDimension(1)),
            // Few ins and many outs on one side, where the normal operator sums the outs first.
            try! MPOLayout(outFactors: [12, 2], inFactors: [2, 5], limit: .bondDimension(2)),
            try! MPOLayout(outFactors: [2, 12], inFactors: [5, 2], limit: .bondDimension(2)),
        ]
    }
}
