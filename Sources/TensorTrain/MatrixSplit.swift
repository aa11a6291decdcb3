import Kernels

/// M [rows, columns] ~ left [rows, rank] right [rank, columns], with orthonormal columns on the left or orthonormal rows on the right.
///
/// The best approximation of its rank, or nearly so. Since one side is an isometry and the other is M multiplied by its transpose, the error
/// is orthogonal to the approximation, and with the isometry on the left errors of successive cuts add as squares.
struct MatrixSplit<Scalar: LinearAlgebraScalar> {
    var rank: Int
    var left: [Scalar]
    var right: [Scalar]
    /// Which side is the isometry.
    var isometry: Side
    /// The norms of the other side's columns or rows where these are orthogonal, which makes them singular values; else nil.
    var weights: [Double]?
    /// ||M - left right||_F, up to rounding.
    var error: Double

    enum Side {
        case left, right
    }

    /// What decides the rank.
    enum Rule {
        case fixed(Int)
        /// The smallest rank, at least 1 and at most `cap`, whose error is at most this.
        case error(Double, cap: Int)
    }

    /// - Parameter eitherSide: the isometry may be on the right, which is cheaper for tall matrices; else it is on the left.
    init(
        _ matrix: [Scalar], rows: Int, columns: Int, rule: Rule, method: SVDMethod = .exact, eitherSide: Bool = false
    ) throws(TensorTrainError) {
        if case .fixed(let rank) = rule, rank >= min(rows, columns) {
            self = try Self.complete(matrix, rows: rows, columns: columns)
            return
        }
        let options: SubspaceIteration? =
            switch method {
            case .exact: nil
            case .automatic: Scalar.self == Float.self ? SubspaceIteration() : nil
            case .gram(let options): options
            }
        if let options, rows <= columns || eitherSide,
            let split = try Self.gram(matrix, rows: rows, columns: columns, rule: rule, options)
        {
            self = split
        } else {
            self = try Self.exact(matrix, rows: rows, columns: columns, rule: rule)
        }
    }

    private init(rank: Int, left: [Scalar], right: [Scalar], isometry: Side = .left, weights: [Double]?, error: Double) {
        self.rank = rank
        self.left = left
        self.right = right
        self.isometry = isometry
        self.weights = weights
        self.error = error
    }

    /// Nothing is cut: the identity on the left of a wide matrix, a QR factorisation of a tall one.
    private static func complete(_ matrix: [Scalar], rows: Int, columns: Int) throws(TensorTrainError) -> MatrixSplit {
        if rows <= columns {
            try wrapping { () throws(LinearAlgebraError) in
                try LinearAlgebra.requireFinite(matrix, rows: rows, columns: columns, routine: "decomposition")
            }
            var identity = [Scalar](repeating: 0, count: rows * rows)
            for row in 0..<rows { identity[row * rows + row] = 1 }
            return MatrixSplit(rank: rows, left: identity, right: matrix, weights: nil, error: 0)
        }
        let qr = try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.qr(matrix, rows: rows, columns: columns)
        }
        return MatrixSplit(rank: qr.rank, left: qr.left, right: qr.right, weights: nil, error: 0)
    }

    private static func exact(
        _ matrix: [Scalar], rows: Int, columns: Int, rule: Rule
    ) throws(TensorTrainError) -> MatrixSplit {
        let svd = try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.svd(matrix, rows: rows, columns: columns)
        }
        let squares = svd.singularValues.map { Double($0) * Double($0) }
        let (rank, error) = choose(squares, rule)
        var right = Array(svd.vTransposed.prefix(rank * columns))
        scaleRows(&right, by: svd.singularValues.prefix(rank).map { $0 }, columns: columns)
        return MatrixSplit(
            rank: rank, left: LinearAlgebra.leadingColumns(svd.u, rows: rows, columns: svd.singularValues.count, keep: rank),
            right: right, weights: squares.prefix(rank).map { $0.squareRoot() }, error: error)
    }

    /// By the smaller Gram matrix; nil where the cut is too near to what squaring hides.
    private static func gram(
        _ matrix: [Scalar], rows: Int, columns: Int, rule: Rule, _ options: SubspaceIteration
    ) throws(TensorTrainError) -> MatrixSplit? {
        let wide = rows <= columns, order = min(rows, columns)
        let total = matrix.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }
        // Fourth powers of the entries must be numbers.
        guard (1e-16...1e16).contains(total) else { return nil }
        let (basis, rank) = try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.requireFinite(matrix, rows: rows, columns: columns, routine: "decomposition")
            let gram = GramMatrix(of: matrix, rows: rows, columns: columns, ofRows: wide)
            if case .fixed(let rank) = rule {
                if order >= options.smallest, 2 * rank <= order, let leading = try gram.eigenvectors(rank: rank, by: options) {
                    return (leading.vectors, rank)
                }
                return (try gram.eigenvectors(rank: rank).vectors, rank)
            }
            let all = try gram.eigenvectors()
            let rank = choose(all.values.map { max($0, 0) }, rule).rank
            return (Array(all.vectors.prefix(rank * order)), rank)
        }
        let other: [Scalar] =
            wide
            ? LinearAlgebra.product(m: rank, n: columns, k: rows, basis, matrix)
            : LinearAlgebra.product(transposeB: true, m: rows, n: rank, k: columns, matrix, basis)
        let captured = other.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }
        let lost = total - captured
        guard lost > 4096 * Double(Scalar.ulpOfOne) * total else { return nil }
        if wide {
            return MatrixSplit(
                rank: rank, left: AxisPermutation(shape: [rank, rows], order: [1, 0])(basis), right: other,
                weights: rowNorms(other, rows: rank, columns: columns), error: lost.squareRoot())
        }
        return MatrixSplit(
            rank: rank, left: other, right: basis, isometry: .right, weights: columnNorms(other, rows: rows, columns: rank),
            error: lost.squareRoot())
    }

    /// The rank by the rule, and what it discards, from squared singular values that fall.
    private static func choose(_ squares: [Double], _ rule: Rule) -> (rank: Int, error: Double) {
        func tail(_ rank: Int) -> Double { squares[rank...].reversed().reduce(0, +).squareRoot() }
        switch rule {
        case .fixed(let rank):
            return (rank, tail(rank))
        case .error(let allowed, let cap):
            var rank = squares.count
            var sum = 0.0
            while rank > 1, (sum + squares[rank - 1]).squareRoot() <= allowed {
                sum += squares[rank - 1]
                rank -= 1
            }
            rank = max(1, min(rank, cap))
            return (rank, tail(rank))
        }
    }
}

/// x[row, column] *= factors[row].
func scaleRows<Scalar: LinearAlgebraScalar>(_ values: inout [Scalar], by factors: [Scalar], columns: Int) {
    values.withUnsafeMutableBufferPointer { values in
        for (row, factor) in factors.enumerated() {
            Scalar.scale(UnsafeMutableBufferPointer(rebasing: values[row * columns..<(row + 1) * columns]), by: factor)
        }
    }
}

/// The norm of each row.
func rowNorms<Scalar: LinearAlgebraScalar>(_ values: [Scalar], rows: Int, columns: Int) -> [Double] {
    values.withUnsafeBufferPointer { values in
        (0..<rows).map { row in
            Scalar.sumOfSquares(UnsafeBufferPointer(rebasing: values[row * columns..<(row + 1) * columns])).squareRoot()
        }
    }
}

/// The norm of each column.
private func columnNorms<Scalar: LinearAlgebraScalar>(_ values: [Scalar], rows: Int, columns: Int) -> [Double] {
    var squares = [Double](repeating: 0, count: columns)
    values.withUnsafeBufferPointer { values in
        for row in 0..<rows {
            for column in 0..<columns {
                let value = Double(values[row * columns + column])
                squares[column] += value * value
            }
        }
    }
    return squares.map { $0.squareRoot() }
}
