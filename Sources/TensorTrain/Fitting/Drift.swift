import Kernels

/// How far the compressed model's residual stream h' has drifted from the original's, d = h - h', where a matrix adds to it.
///
/// A matrix whose output is added to the stream can make up for the drift too: it is fitted to W x + d.
package struct Drift: Sendable {
    /// Rows: the width of the stream.
    package let rows: Int
    /// Columns: the width of the matrix's input.
    package let columns: Int
    package private(set) var tokens = 0
    /// The sum of d z^T, z the matrix's input in the compressed model, row-major [rows, columns].
    package private(set) var student: [Double]
    /// The sum of d x^T, x its input in the original one.
    package private(set) var original: [Double]
    /// For each row the sum of d^2.
    package private(set) var squares: [Double]

    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        student = [Double](repeating: 0, count: rows * columns)
        original = student
        squares = [Double](repeating: 0, count: rows)
    }

    /// Adds tokens in float32: d [count, rows], x and z [count, columns].
    package mutating func add(_ d: Tensor, original x: Tensor, student z: Tensor) {
        CrossMoment.add(d, z, to: &student)
        CrossMoment.add(d, x, to: &original)
        let values = d.base.f32
        for token in 0..<d.rows {
            for row in 0..<rows { squares[row] += Double(values[token * rows + row]) * Double(values[token * rows + row]) }
        }
        tokens += d.rows
    }

    /// With each row of d multiplied by a number.
    package func scaled(_ factors: [Double]) -> Drift {
        var result = self
        for row in 0..<rows {
            for place in row * columns..<(row + 1) * columns {
                result.student[place] *= factors[row]
                result.original[place] *= factors[row]
            }
            result.squares[row] *= factors[row] * factors[row]
        }
        return result
    }
}
