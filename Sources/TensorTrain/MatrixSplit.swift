import Kernels

/// M [rows, columns] ~ left [rows, rank] right [rank, columns], with orthonormal columns on the left.
///
/// The best approximation of its rank, or with the randomised method one that is nearly so. Since left is an isometry
/// and right = left^T M, errors of successive cuts are orthogonal to each other and add as squares.
struct MatrixSplit<Scalar: LinearAlgebraScalar> {
    var rank: Int
    var left: [Scalar]
    var right: [Scalar]
    /// The norms of right's rows where these are orthogonal, which makes them singular values; else nil.
    var weights: [Double]?
    /// ||M - left right||_F, up to rounding.
    var error: Double

    /// What decides the rank.
    enum Rule {
        case fixed(Int)
        /// The smallest rank, at least 1 and at most `cap`, whose error is at most this.
        case error(Double, cap: Int)
    }

    init(
        _ matrix: [Scalar], rows: Int, columns: Int, rule: Rule, method: SVDMethod = .exact
    ) throws(TensorTrainError) {
        let full = min(rows, columns)
        switch (rule, method) {
        case (.fixed(let rank), _) where rank >= full:
            self = try Self.complete(matrix, rows: rows, columns: columns)
        case (.fixed(let rank), .automatic) where full >= 1024 && 3 * rank <= full:
            self = try Self.randomised(matrix, rows: rows, columns: columns, rank: rank, RandomisedSVD())
        case (.fixed(let rank), .randomised(let options)):
            self = try Self.randomised(matrix, rows: rows, columns: columns, rank: rank, options)
        case (_, .automatic) where Scalar.self == Float.self && columns >= 4 * rows,
            (_, .gram) where columns >= rows:
            self = try Self.gram(matrix, rows: rows, columns: columns, rule: rule)
        default:
            self = try Self.exact(matrix, rows: rows, columns: columns, rule: rule)
        }
    }

    private init(rank: Int, left: [Scalar], right: [Scalar], weights: [Double]?, error: Double) {
        self.rank = rank
        self.left = left
        self.right = right
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

    private static func gram(
        _ matrix: [Scalar], rows: Int, columns: Int, rule: Rule
    ) throws(TensorTrainError) -> MatrixSplit {
        let eigen = try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.requireFinite(matrix, rows: rows, columns: columns, routine: "decomposition")
            return try LinearAlgebra.symmetricEigen(
                gramOfRows(matrix, rows: rows, columns: columns), order: rows)
        }
        // What squaring can hide: eigenvalues are known to about rows x epsilon of the largest.
        let noise = Double(rows) * Double.ulpOfOne * max(eigen.values.last ?? 0, 0)
        let (rank, error) = choose(eigen.values.reversed().map { max($0, 0) }, rule)
        var leftTransposed = [Scalar](repeating: 0, count: rank * rows)
        eigen.vectors.withUnsafeBufferPointer { vectors in
            leftTransposed.withUnsafeMutableBufferPointer { target in
                for index in 0..<rank {
                    Scalar.narrow(
                        vectors.baseAddress! + (rows - 1 - index) * rows, to: target.baseAddress! + index * rows,
                        count: rows)
                }
            }
        }
        let right = LinearAlgebra.product(m: rank, n: columns, k: rows, leftTransposed, matrix)
        return MatrixSplit(
            rank: rank, left: AxisPermutation(shape: [rank, rows], order: [1, 0])(leftTransposed), right: right,
            weights: rowNorms(right, rows: rank, columns: columns), error: (error * error + noise).squareRoot())
    }

    private static func randomised(
        _ matrix: [Scalar], rows: Int, columns: Int, rank: Int, _ options: RandomisedSVD
    ) throws(TensorTrainError) -> MatrixSplit {
        let finder = RangeFinder(matrix: matrix, rows: rows, columns: columns, options: options)
        guard let range = try finder.range(rank: rank) else {
            return try exact(matrix, rows: rows, columns: columns, rule: .fixed(rank))
        }
        // M ~ Q B with B = image^T. The image's R factor has B's singular values, and its right vectors are B's left ones.
        let width = range.width
        let small = try wrapping { () throws(LinearAlgebraError) in
            let triangle = try LinearAlgebra.qr(range.image, rows: columns, columns: width).right
            return try LinearAlgebra.svd(triangle, rows: width, columns: width)
        }
        let basis = Array(small.vTransposed.prefix(rank * width))
        let left = LinearAlgebra.product(transposeB: true, m: rows, n: rank, k: width, range.basis, basis)
        let right = LinearAlgebra.product(transposeB: true, m: rank, n: columns, k: width, basis, range.image)
        var residual = matrix
        LinearAlgebra.gemm(m: rows, n: columns, k: rank, alpha: -1, left, right, beta: 1, &residual)
        let error = residual.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }.squareRoot()
        return MatrixSplit(
            rank: rank, left: left, right: right, weights: rowNorms(right, rows: rank, columns: columns), error: error)
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

    /// M M^T in double precision, in panels of columns so that only a part of M is held twice.
    private static func gramOfRows(_ matrix: [Scalar], rows: Int, columns: Int) -> [Double] {
        let panel = 512
        var sum = [Double](repeating: 0, count: rows * rows)
        var wide = [Double](repeating: 0, count: rows * panel)
        matrix.withUnsafeBufferPointer { matrix in
            for start in stride(from: 0, to: columns, by: panel) {
                let width = min(panel, columns - start)
                wide.withUnsafeMutableBufferPointer { wide in
                    for row in 0..<rows {
                        Scalar.widen(
                            matrix.baseAddress! + row * columns + start, to: wide.baseAddress! + row * width,
                            count: width)
                    }
                }
                LinearAlgebra.gemm(
                    transposeB: true, m: rows, n: rows, k: width, wide, wide, beta: start == 0 ? 0 : 1, &sum)
            }
        }
        return sum
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
