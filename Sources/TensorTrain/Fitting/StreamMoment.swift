import Kernels

/// Moments of a matrix whose output is added to the residual stream: its input z in the compressed model, and the output t that would bring that model's stream to
/// what the original's is behind the matrix.
///
/// With h the stream before the matrix in the original, h' in the compressed model and x the matrix's input in the original, t = (h + W x) - h': the output of the
/// original matrix and what the stream has lost so far. Fitting W' z to t takes the errors of earlier layers back.
package struct StreamMoment: Sendable {
    /// The width of the stream.
    package let rows: Int
    /// The width of the matrix's input.
    package var columns: Int { student.width }
    /// E[z z^T].
    package private(set) var student: SecondMoment
    /// The sum of t z^T, row-major [rows, columns].
    package private(set) var sum: [Double]
    /// For each row the sum of t^2.
    package private(set) var squares: [Double]

    package var tokens: Int { student.tokens }

    package init(rows: Int, columns: Int) {
        self.rows = rows
        student = SecondMoment(width: columns)
        sum = [Double](repeating: 0, count: rows * columns)
        squares = [Double](repeating: 0, count: rows)
    }

    /// Adds tokens: t [count, rows] in float32, z [count, columns] in float32 or bfloat16.
    package mutating func add(target t: Tensor, student z: Tensor) {
        student.add(z)
        CrossMoment.add(t, Elementwise.convert(z, to: .f32), to: &sum)
        let values = t.base.f32
        for token in 0..<t.rows {
            for row in 0..<rows { squares[row] += Double(values[token * rows + row]) * Double(values[token * rows + row]) }
        }
    }

    /// With each row of t multiplied by a number.
    package func scaled(_ factors: [Double]) -> StreamMoment {
        var result = self
        for row in 0..<rows {
            for place in row * columns..<(row + 1) * columns { result.sum[place] *= factors[row] }
            result.squares[row] *= factors[row] * factors[row]
        }
        return result
    }
}
