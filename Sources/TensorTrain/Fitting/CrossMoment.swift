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
        original.add(x)
        student.add(z)
        Self.add(x, width, z, width, to: &sum)
    }

    /// Adds sum over tokens of a b^T, a row-major [count, m], b [count, n]: blocks of rows in single precision, their sum in double.
    static func add(_ a: [Float], _ m: Int, _ b: [Float], _ n: Int, to sum: inout [Double]) {
        let count = a.count / m
        for start in stride(from: 0, to: count, by: block) {
            let end = min(count, start + block)
            let part = Threaded.product(
                transposeA: true, m: m, n: n, k: end - start, Array(a[start * m..<end * m]), Array(b[start * n..<end * n]))
            Double.add(Double.converted(part), scaledBy: 1, to: &sum, count: sum.count)
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
