import Kernels

/// Sums over a second moment C [(q i s), (q' i' s')] that leave the pair (i, i'), in double precision.
enum WeightedTrace {
    /// The sum over q, q', s, s' of left[q, q'] C[(q i s), (q' i' s')] right[s, s']: the partial trace where the weights are identities.
    ///
    /// - Parameters:
    ///   - left: [q, q'], [1] where there is no q.
    ///   - count: the range of i.
    ///   - right: [s, s'], [1] where there is no s.
    /// - Returns: [i, i'].
    static func sum<Scalar: LinearAlgebraScalar>(
        _ moment: [Scalar], left: [Double], keeping count: Int, right: [Double]
    ) -> [Double] {
        let before = order(left), after = order(right), width = before * count * after
        precondition(moment.count == width * width, "\(moment.count) values for a moment of width \(width)")
        return Threaded.filled(count * count) { result in
            let to = Address(UnsafeMutableRawPointer(result))
            moment.withUnsafeBytes { moment in
                let from = Address(moment.baseAddress!)
                Parallel.forEach(count) { i in
                    let c = from.raw.assumingMemoryBound(to: Scalar.self)
                    let line = UnsafeMutableBufferPointer(start: to.raw.assumingMemoryBound(to: Double.self) + i * count, count: count)
                    line.update(repeating: 0)
                    var row = [Double](repeating: 0, count: width)
                    for q in 0..<before {
                        for s in 0..<after {
                            Scalar.widen(c + ((q * count + i) * after + s) * width, to: &row, count: width)
                            for p in 0..<before where left[q * before + p] != 0 {
                                let weight = left[q * before + p], own = p * count * after
                                for j in 0..<count {
                                    var sum = 0.0
                                    for t in 0..<after { sum += right[s * after + t] * row[own + j * after + t] }
                                    line[j] += weight * sum
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    static func identity(_ order: Int) -> [Double] { (0..<order * order).map { $0 % (order + 1) == 0 ? 1 : 0 } }

    /// The Kronecker product of square matrices; [1] of none.
    static func kronecker(_ matrices: some Sequence<[Double]>) -> [Double] {
        matrices.reduce([1]) { product, next in
            let m = order(product), n = order(next), width = m * n
            return Threaded.filled(width * width) { result in
                for row in 0..<width {
                    for column in 0..<width { result[row * width + column] = product[row / n * m + column / n] * next[row % n * n + column % n] }
                }
            }
        }
    }

    private static func order(_ matrix: [Double]) -> Int { Int(Double(matrix.count).squareRoot().rounded()) }
}
