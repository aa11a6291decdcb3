import Testing

@testable import TensorTrain

/// Small operators with unequal factors, and slow arithmetic straight from the definition to compare with.
enum Naive {
    /// One to five cores: factors of 1, primes, rows more and fewer than columns.
    static let factors: [(out: [Int], in: [Int])] = [
        ([6], [5]), ([1], [1]), ([7], [1]),
        ([2, 3], [4, 2]), ([1, 6], [5, 1]), ([6, 1], [1, 5]), ([5, 3], [2, 7]),
        ([2, 3, 2], [3, 1, 4]), ([3, 1, 5], [2, 4, 2]),
        ([2, 3, 1, 2], [2, 2, 3, 1]), ([2, 1, 2, 3, 2], [1, 3, 2, 2, 2]),
    ]

    static func random(_ count: Int, seed: UInt64) -> [Double] {
        var generator = SplitMix64(seed: seed &* 7919 &+ UInt64(count))
        return (0..<count).map { _ in 2 * generator.nextUnit() - 1 }
    }

    static func matrix(_ layout: MPOLayout, seed: UInt64) -> [Double] { random(layout.denseCount, seed: seed) }

    /// An operator with random cores.
    static func operatorOf(_ layout: MPOLayout, seed: UInt64) -> MPO<Double> {
        try! MPO(
            layout: layout,
            values: (0..<layout.cores).map { random(layout.coreCount($0), seed: seed &+ UInt64($0) &* 101) })
    }

    /// Layouts with all the factors and bonds of 1, 2, 3 (unequal from bond to bond), and the exact ones.
    static var layouts: [MPOLayout] {
        factors.flatMap { out, input -> [MPOLayout] in
            let exact = try! MPOLayout(outFactors: out, inFactors: input)
            let uneven = (0...out.count).map { $0 == 0 || $0 == out.count ? 1 : 1 + ($0 * 2 + out.count) % 3 }
            return [
                exact,
                try! MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(1)),
                try! MPOLayout(outFactors: out, inFactors: input, bonds: uneven),
            ]
        }
    }

    /// W entry by entry: the product of the matrices A_k[:, o_k, i_k, :].
    static func dense(_ mpo: MPO<Double>) -> [Double] {
        let layout = mpo.layout
        var dense: [Double] = []
        for row in 0..<layout.rows {
            let out = digits(row, layout.outFactors)
            for column in 0..<layout.columns {
                let input = digits(column, layout.inFactors)
                var vector = [1.0]
                for (index, core) in mpo.cores.enumerated() {
                    vector = (0..<core.right).map { right in
                        (0..<core.left).reduce(0) { sum, left in
                            sum + vector[left]
                                * core.values[
                                    ((left * core.out + out[index]) * core.in + input[index]) * core.right + right]
                        }
                    }
                }
                dense.append(vector[0])
            }
        }
        return dense
    }

    static func digits(_ number: Int, _ base: [Int]) -> [Int] {
        var rest = number
        return base.reversed().map { size in
            defer { rest /= size }
            return rest % size
        }.reversed()
    }

    static func product(_ a: [Double], _ b: [Double], m: Int, n: Int, k: Int) -> [Double] {
        var c = [Double](repeating: 0, count: m * n)
        for row in 0..<m {
            for j in 0..<k { for column in 0..<n { c[row * n + column] += a[row * k + j] * b[j * n + column] } }
        }
        return c
    }

    static func transposed(_ a: [Double], rows: Int, columns: Int) -> [Double] {
        (0..<rows * columns).map { a[$0 % rows * columns + $0 / rows] }
    }

    static func norm(_ a: [Double]) -> Double { a.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    static func distance(_ a: [Double], _ b: [Double]) -> Double { norm(zip(a, b).map { $0 - $1 }) }
    static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
}

/// The distance relative to the larger norm, or to 1 for small ones.
func expectClose(
    _ a: [Double], _ b: [Double], _ what: String, tolerance: Double = 1e-12,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(a.count == b.count, "\(what)", sourceLocation: sourceLocation)
    let distance = Naive.distance(a, b) / max(Naive.norm(a), Naive.norm(b), 1)
    #expect(distance < tolerance, "\(what): off by \(distance)", sourceLocation: sourceLocation)
}
