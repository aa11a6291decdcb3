import Kernels

/// The second moment of a layer's inputs, C = E[x x^T], gathered over calibration tokens.
///
/// Rows are taken in blocks: within a block products are summed in single precision, blocks are added in double. Only tiles on
/// and above the diagonal are computed; each worker owns whole tiles, so the bits do not depend on how many there are (they do
/// depend on how the rows are handed over, block by block).
package struct SecondMoment: Sendable, Equatable {
    /// d, the length of x.
    package let width: Int
    /// Tokens seen.
    package private(set) var tokens: Int
    /// The sum of x x^T, row-major [d, d]; below the diagonal only what shares a tile with it is defined.
    package private(set) var sum: [Double]
    /// The sum of |x|^4, which tells how noisy the moment is, and whether every input was finite.
    package private(set) var fourth: Double

    /// Rows of one single-precision sum: longer ones lose digits, shorter ones cost passes over the total.
    private static let block = 1024
    private static let tile = 256

    package init(width: Int) {
        precondition(width > 0, "a second moment of width \(width)")
        self.init(width: width, tokens: 0, sum: [Double](repeating: 0, count: width * width), fourth: 0)
    }

    /// A moment that was stored: the values of the properties of the same names.
    package init(width: Int, tokens: Int, sum: [Double], fourth: Double) {
        precondition(sum.count == width * width, "\(sum.count) values for a second moment of width \(width)")
        self.width = width
        self.tokens = tokens
        self.sum = sum
        self.fourth = fourth
    }

    /// Adds inputs, row-major [count, d].
    package mutating func add(_ rows: [Float]) {
        precondition(rows.count.isMultiple(of: width), "\(rows.count) values in rows of \(width)")
        if !rows.isEmpty { add(Tensor(rows, [rows.count / width, width])) }
    }

    /// Adds inputs [count, d] in float32 or bfloat16: products of the latter are exact in the single-precision sums, and twice as fast.
    package mutating func add(_ rows: Tensor) {
        precondition(rows.rowCount == width, "rows of \(rows.rowCount) for a second moment of width \(width)")
        for start in stride(from: 0, to: rows.rows, by: Self.block) { addBlock(rows.slice(start..<min(rows.rows, start + Self.block))) }
        let wide = Elementwise.convert(rows, to: .f32)
        fourth += (0..<rows.rows).reduce(0) { sum, row in
            let square = Float.sumOfSquares(UnsafeBufferPointer(start: wide.base.f32 + row * width, count: width))
            return sum + square * square
        }
        tokens += rows.rows
    }

    private mutating func addBlock(_ rows: Tensor) {
        let width = width, count = rows.rows, type = rows.dtype
        let tiles = Self.tiles(of: width)
        let from = Address(rows.base)
        sum.withUnsafeMutableBytes { sum in
            let total = Address(sum.baseAddress!)
            Parallel.forEach(tiles.count) { index in
                let (r, c) = tiles[index]
                let part: [Float] = Threaded.filled(r.count * c.count) { part in
                    GEMM.single(
                        m: r.count, n: c.count, k: count,
                        GEMM.Operand(from.raw + type.size * r.lowerBound, stride: width, transposed: true),
                        GEMM.Operand(from.raw + type.size * c.lowerBound, stride: width),
                        inputs: type, into: part, stride: c.count, output: .f32)
                }
                let total = total.raw.assumingMemoryBound(to: Double.self)
                part.withUnsafeBufferPointer { part in
                    for row in 0..<r.count {
                        let line = total + (r.lowerBound + row) * width + c.lowerBound
                        for column in 0..<c.count { line[column] += Double(part[row * c.count + column]) }
                    }
                }
            }
        }
        withExtendedLifetime(rows) {}
    }

    /// The tiles on and above the diagonal.
    private static func tiles(of width: Int) -> [(Range<Int>, Range<Int>)] {
        let ranges = stride(from: 0, to: width, by: tile).map { $0..<min(width, $0 + tile) }
        return ranges.indices.flatMap { row in ranges[row...].map { (ranges[row], $0) } }
    }

    /// Adds what another moment has seen.
    package mutating func merge(_ other: SecondMoment) {
        precondition(width == other.width, "merging moments of width \(width) and \(other.width)")
        Double.add(other.sum, scaledBy: 1, to: &sum, count: sum.count)
        fourth += other.fourth
        tokens += other.tokens
    }

    /// tr(C) / d, the mean square of an input.
    package var meanSquare: Double {
        (0..<width).reduce(0) { $0 + sum[$1 * width + $1] } / Double(max(tokens, 1) * width)
    }

    /// The share of the identity that minimises the expected error of C for independent tokens (Ledoit and Wolf 2004, "A
    /// well-conditioned estimator for large-dimensional covariance matrices", lemma 3.2 with the mean known to be 0).
    package var ledoitWolf: Double {
        guard tokens > 0 else { return 1 }
        let count = Double(tokens)
        var square = 0.0
        sum.withUnsafeBufferPointer { sum in
            for row in 0..<width {
                let line = UnsafeBufferPointer(rebasing: sum[row * width + row..<(row + 1) * width])
                square += 2 * Double.sumOfSquares(line) - line[0] * line[0]
            }
        }
        square /= count * count
        let distance = square - Double(width) * meanSquare * meanSquare
        let noise = (fourth / count - square) / count
        return distance > 0 ? min(max(noise / distance, 0), 1) : 1
    }

    /// (1 - shrinkage) C + shrinkage meanSquare I, row-major [d, d].
    ///
    /// - Throws: when no token was seen, or an input was NaN or infinite.
    package func matrix<S: LinearAlgebraScalar>(
        shrinkage: Double = 0, as _: S.Type = S.self
    ) throws(TensorTrainError) -> [S] {
        guard tokens > 0 else { throw .outOfRange("a second moment over no tokens; calibrate on at least one") }
        guard shrinkage >= 0, shrinkage <= 1 else { throw .outOfRange("shrinkage must be from 0 to 1, found \(shrinkage)") }
        guard fourth.isFinite, meanSquare.isFinite else {
            throw .outOfRange("an input among the \(tokens) calibration tokens is not a finite number; check the weights")
        }
        let width = width
        let factor = (1 - shrinkage) / Double(tokens)
        let ridge = shrinkage * meanSquare
        let tiles = Self.tiles(of: width)
        return Threaded.filled(width * width) { result in
            let to = Address(UnsafeMutableRawPointer(result))
            sum.withUnsafeBytes { sum in
                let from = Address(sum.baseAddress!)
                Parallel.forEach(tiles.count) { index in
                    let sum = from.raw.assumingMemoryBound(to: Double.self)
                    let to = to.raw.assumingMemoryBound(to: S.self)
                    let (r, c) = tiles[index]
                    for row in r {
                        for column in max(row, c.lowerBound)..<c.upperBound {
                            let value = S(factor * sum[row * width + column] + (row == column ? ridge : 0))
                            to[row * width + column] = value
                            to[column * width + row] = value
                        }
                    }
                }
            }
        }
    }
}
