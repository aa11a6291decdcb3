import Kernels

/// An orthonormal basis [rows, rank] of the space of a matrix's leading left singular vectors.
struct LeadingSubspace<Scalar: LinearAlgebraScalar> {
    let rank: Int
    /// Row-major [rows, rank].
    let basis: [Scalar]

    enum Accuracy: Sendable {
        /// The vectors themselves: eigenvectors of the smaller Gram matrix, summed and found in double precision. Above
        /// `largestExact` the subspace is iterated until another round gains less than 0.1 % of the energy not captured.
        case best
        /// Two rounds of subspace iteration: enough for what is going to be refined.
        case quick
    }

    /// Up to this side an eigendecomposition takes seconds.
    static var largestExact: Int { 1600 }

    init(_ matrix: [Scalar], rows: Int, columns: Int, rank: Int, accuracy: Accuracy) throws(TensorTrainError) {
        self.rank = rank
        basis =
            if rank == rows {
                Self.identity(rows)
            } else if accuracy == .best, min(rows, columns) <= Self.largestExact {
                try Self.exact(matrix, rows: rows, columns: columns, rank: rank)
            } else {
                try Self.iterated(matrix, rows: rows, columns: columns, rank: rank, accuracy: accuracy)
            }
    }

    private static func identity(_ order: Int) -> [Scalar] {
        var identity = [Scalar](repeating: 0, count: order * order)
        for row in 0..<order { identity[row * order + row] = 1 }
        return identity
    }

    private static func exact(_ matrix: [Scalar], rows: Int, columns: Int, rank: Int) throws(TensorTrainError) -> [Scalar] {
        let wide = Double.converted(matrix)
        let byRows = rows <= columns
        let order = min(rows, columns)
        let gram = Threaded.product(
            transposeA: !byRows, transposeB: byRows, m: order, n: order, k: max(rows, columns), wide, wide)
        let vectors = try leading(gram, order: order, rank: rank)
        if byRows { return Scalar.converted(transposed(vectors, rank, rows)) }
        // The right singular vectors; their image spans what the left ones do.
        let image = Threaded.product(transposeB: true, m: rows, n: rank, k: columns, wide, vectors)
        return try Scalar.converted(orthonormal(image, rows: rows, columns: rank))
    }

    private static func iterated(
        _ matrix: [Scalar], rows: Int, columns: Int, rank: Int, accuracy: Accuracy
    ) throws(TensorTrainError) -> [Scalar] {
        let width = min(rank + max(16, rank / 16), rows, columns)
        let rounds = accuracy == .quick ? 2 : 12
        let total = matrix.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }
        var basis = try orthonormal(
            Threaded.product(m: rows, n: width, k: columns, matrix, normals(columns * width)), rows: rows, columns: width)
        var captured = 0.0
        var image: [Scalar] = []
        for round in 1...rounds {
            image = Threaded.product(transposeA: true, m: columns, n: width, k: rows, matrix, basis)
            let before = captured
            captured = image.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }
            if captured - before <= 0.001 * (total - captured) || round == rounds { break }
            let dual = try orthonormal(image, rows: columns, columns: width)
            basis = try orthonormal(
                Threaded.product(m: rows, n: width, k: columns, matrix, dual), rows: rows, columns: width)
        }
        // basis image^T has the left singular vectors of image^T image, turned by the basis.
        let wide = Double.converted(image)
        let gram = Threaded.product(transposeA: true, m: width, n: width, k: columns, wide, wide)
        let turn = try Scalar.converted(leading(gram, order: width, rank: rank))
        return Threaded.product(transposeB: true, m: rows, n: rank, k: width, basis, turn)
    }

    /// The eigenvectors of the largest eigenvalues, largest first, as rows [rank, order].
    private static func leading(_ gram: [Double], order: Int, rank: Int) throws(TensorTrainError) -> [Double] {
        let eigen = try wrapping { () throws(LinearAlgebraError) in try LinearAlgebra.symmetricEigen(gram, order: order) }
        return (0..<rank).flatMap { eigen.vectors[(order - 1 - $0) * order..<(order - $0) * order] }
    }

    private static func orthonormal<S: LinearAlgebraScalar>(
        _ x: [S], rows: Int, columns: Int
    ) throws(TensorTrainError) -> [S] {
        try wrapping { () throws(LinearAlgebraError) in try LinearAlgebra.qr(x, rows: rows, columns: columns).left }
    }

    private static func transposed<S: LinearAlgebraScalar>(_ x: [S], _ rows: Int, _ columns: Int) -> [S] {
        Threaded.reordered(x, shape: [rows, columns], order: [1, 0])
    }

    private static func normals(_ count: Int) -> [Scalar] {
        var generator = SplitMix64(seed: 0)
        var result = [Scalar](repeating: 0, count: count + count % 2)
        for index in stride(from: 0, to: count, by: 2) {
            let pair = generator.nextNormals()
            result[index] = Scalar(pair.0)
            result[index + 1] = Scalar(pair.1)
        }
        return Array(result.prefix(count))
    }
}
