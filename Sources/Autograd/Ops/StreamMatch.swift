import Kernels
import Synchronization

/// The identity on a residual stream x [T, D], wide, that draws it to a teacher's stream x*: the cotangent that passes gets the gradient of
///
///     factor · Σ_t |x_t - x*_t|² / |x*_t|²
///
/// over chosen tokens added. Distances are relative, token by token: those of a sample's first tokens are hundreds of times as long as others.
/// Kept: the gradient.
package struct StreamMatch: Primitive {
    private let target: Tensor
    private let rows: [Int]
    private let factor: Double
    private let distance: StreamDistance

    /// - Parameters:
    ///   - target: x* [T, D], of x's type.
    ///   - rows: the tokens that count.
    ///   - distance: told the sum, without the factor.
    package init(_ target: Tensor, rows: [Int], factor: Double, distance: StreamDistance) {
        self.target = target
        self.rows = rows
        self.factor = factor
        self.distance = distance
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let x = inputs[0]
        precondition(x.shape == target.shape && x.dtype == target.dtype, "StreamMatch: \(x.shape) \(x.dtype) to \(target.shape) \(target.dtype)")
        let gradient = Tensor.zeros(x.shape, x.dtype)
        switch x.dtype {
        case .f32: distance.add(Self.distances(x, target, rows, factor, into: gradient, Float.self))
        case .f64: distance.add(Self.distances(x, target, rows, factor, into: gradient, Double.self))
        case .bf16: preconditionFailure("StreamMatch: a residual stream is wide")
        }
        return Evaluation(x, saved: [gradient])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        cotangents.add(0, cotangent)
        cotangents.add(0, saved[0])
    }

    /// Relative square distances of the rows, and their gradient times `factor`.
    private static func distances<S: LinearAlgebraScalar>(
        _ x: Tensor, _ target: Tensor, _ rows: [Int], _ factor: Double, into gradient: Tensor, _: S.Type
    ) -> [Double] {
        let d = x.rowCount, from = Address(x.base), to = Address(target.base), result = Address(gradient.base)
        var found = [Double](repeating: 0, count: rows.count)
        found.withUnsafeMutableBytes { found in
            let found = Address(found.baseAddress!)
            Parallel.forBlocks(of: rows.count, block: 64) { places in
                for place in places {
                    let start = rows[place] * d
                    let x = from.raw.assumingMemoryBound(to: S.self) + start, t = to.raw.assumingMemoryBound(to: S.self) + start
                    let g = UnsafeMutableBufferPointer(start: result.raw.assumingMemoryBound(to: S.self) + start, count: d)
                    for i in 0..<d { g[i] = x[i] - t[i] }
                    let length = S.sumOfSquares(UnsafeBufferPointer(start: t, count: d))
                    // A token that the teacher gives nothing for says nothing.
                    let scale = length > 0 ? 1 / length : 0
                    found.raw.assumingMemoryBound(to: Double.self)[place] = S.sumOfSquares(UnsafeBufferPointer(g)) * scale
                    S.scale(g, by: S(2 * factor * scale))
                }
            }
        }
        return found
    }
}

/// Adds up what several matches find.
package final class StreamDistance: Sendable {
    private let sum = Mutex(0.0)
    package init() {}

    package var total: Double { sum.withLock { $0 } }

    func add(_ distances: [Double]) {
        let part = distances.reduce(0, +)
        sum.withLock { $0 += part }
    }
}
