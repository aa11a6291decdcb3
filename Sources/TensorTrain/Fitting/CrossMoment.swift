import Kernels

/// Moments of a layer's inputs in two models at the same tokens: x in the original, z in the compressed one.
///
/// Fitting W' so that W' z is near W x lets a layer make up for the errors of the layers before it.
package struct CrossMoment: Sendable {
    /// E[x x^T].
    package private(set) var original: SecondMoment
    /// E[z z^T].
    package private(set) var student: SecondMoment
    /// The sum of x z^T, row-major [d, d].
    package private(set) var sum: [Double]

    package var width: Int { original.width }
    package var tokens: Int { original.tokens }

    private static let block = 1024

    package init(width: Int) {
        original = SecondMoment(width: width)
        student = SecondMoment(width: width)
        sum = [Double](repeating: 0, count: width * width)
    }

    /// Adds inputs of the same tokens, both row-major [count, d].
    package mutating func add(original x: [Float], student z: [Float]) {
        precondition(x.count == z.count && x.count.isMultiple(of: width), "\(x.count) and \(z.count) values in rows of \(width)")
        if !x.isEmpty { add(original: Tensor(x, [x.count / width, width]), student: Tensor(z, [x.count / width, width])) }
    }

    /// Adds inputs of the same tokens, both [count, d] and float32 or both bfloat16.
    package mutating func add(original x: Tensor, student z: Tensor) {
        original.add(x)
        student.add(z)
        Self.add(x, z, to: &sum)
    }

    /// Adds sum over tokens of a b^T, a [count, m] and b [count, n] of one type: blocks of rows in single precision, their sum in double.
    static func add(_ a: Tensor, _ b: Tensor, to sum: inout [Double]) {
        precondition(a.rows == b.rows && a.dtype == b.dtype, "\(a.rows) rows of \(a.dtype) with \(b.rows) of \(b.dtype)")
        let part = Tensor([a.rowCount, b.rowCount], .f32)
        for start in stride(from: 0, to: a.rows, by: block) {
            let rows = start..<min(a.rows, start + block)
            GEMM.multiply(a.slice(rows), transposeA: true, b.slice(rows), into: part)
            let from = Address(part.base)
            sum.withUnsafeMutableBytes { sum in
                let total = Address(sum.baseAddress!)
                Parallel.forBlocks(of: part.count, block: 1 << 16) { range in
                    let from = from.raw.assumingMemoryBound(to: Float.self), total = total.raw.assumingMemoryBound(to: Double.self)
                    for place in range { total[place] += Double(from[place]) }
                }
            }
        }
    }

    /// (1 - shrinkage) E[x z^T] + shrinkage m I, with m the mean square of z, row-major [d, d]: as if a share of the tokens were
    /// white noise that is the same in both models, so that without errors before it a layer's target stays W.
    func matrix(shrinkage: Double) -> [Double] {
        var matrix = sum
        matrix.withUnsafeMutableBufferPointer { Double.scale($0, by: (1 - shrinkage) / Double(max(tokens, 1))) }
        for index in 0..<width { matrix[index * width + index] += shrinkage * student.meanSquare }
        return matrix
    }
}
