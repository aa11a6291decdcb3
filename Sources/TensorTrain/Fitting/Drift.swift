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

    /// Adds tokens: d row-major [count, rows], x and z [count, columns].
    package mutating func add(_ d: [Float], original x: [Float], student z: [Float]) {
        precondition(d.count / rows == x.count / columns && x.count == z.count, "drift of \(d.count / rows) tokens with inputs of \(x.count / columns)")
        CrossMoment.add(d, rows, z, columns, to: &student)
        CrossMoment.add(d, rows, x, columns, to: &original)
        for (place, value) in d.enumerated() { squares[place % rows] += Double(value) * Double(value) }
        tokens += d.count / rows
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
