import Kernels

/// M M^T or M^T M, and the space of its largest eigenvalues.
struct GramMatrix<Scalar: LinearAlgebraScalar> {
    let order: Int
    /// Row-major, both triangles.
    let values: [Scalar]

    /// - Parameter ofRows: M M^T [rows, rows], else M^T M [columns, columns].
    init(of matrix: [Scalar], rows: Int, columns: Int, ofRows: Bool) {
        let n = ofRows ? rows : columns, panel = 512
        var gram = [Scalar](repeating: 0, count: n * n)
        // The lower triangle in panels of columns, then mirrored: half the work of the whole product.
        matrix.withUnsafeBufferPointer { matrix in
            gram.withUnsafeMutableBufferPointer { gram in
                guard let m = matrix.baseAddress, let g = gram.baseAddress else { return }
                for start in stride(from: 0, to: n, by: panel) {
                    let part = m + start * (ofRows ? columns : 1)
                    LinearAlgebra.gemm(
                        transposeA: !ofRows, transposeB: ofRows, m: n - start, n: min(panel, n - start), k: ofRows ? columns : rows,
                        part, lda: columns, part, ldb: columns, g + start * n + start, ldc: n)
                }
                let tile = 64
                for top in stride(from: 0, to: n, by: tile) {
                    for left in stride(from: 0, through: top, by: tile) {
                        for row in top..<min(n, top + tile) {
                            for column in left..<min(row, left + tile) { g[column * n + row] = g[row * n + column] }
                        }
                    }
                }
            }
        }
        order = n
        values = gram
    }

    /// Eigenvectors of the largest eigenvalues, largest first, as rows of [n, order], and the eigenvalues.
    struct Leading {
        var vectors: [Scalar]
        var values: [Double]

        init(_ eigen: SymmetricEigen<Scalar>) {
            values = eigen.values.reversed().map { Double($0) }
            // LAPACK's order is rising.
            let (n, width) = (eigen.values.count, eigen.order)
            vectors = [Scalar](unsafeUninitializedCapacity: n * width) { room, count in
                eigen.vectors.withUnsafeBufferPointer { rows in
                    for row in 0..<n { (room.baseAddress! + row * width).initialize(from: rows.baseAddress! + (n - 1 - row) * width, count: width) }
                }
                count = n * width
            }
        }
    }

    /// The first `rank` of them; all by default.
    func eigenvectors(rank: Int? = nil) throws(LinearAlgebraError) -> Leading {
        guard let rank, rank < order else { return Leading(try LinearAlgebra.symmetricEigen(values, order: order)) }
        return Leading(try LinearAlgebra.symmetricEigen(values, order: order, largest: rank))
    }

    /// The first `rank` of them by subspace iteration, or nil where it has not settled within the allowed rounds.
    func eigenvectors(rank: Int, by options: SubspaceIteration) throws(LinearAlgebraError) -> Leading? {
        let width = min(rank + max(options.oversampling, 1), order)
        let total = (0..<order).reduce(0.0) { $0 + Double(values[$1 * order + $1]) }
        // Below this, differences of energies are rounding.
        let noise = 16 * Double(Scalar.ulpOfOne) * total
        // Vectors are rows, so that LAPACK finds each in one piece.
        var basis = try orthonormal(timesGram(normals(width, options.seed), width), width)
        var captured = 0.0
        for round in 0...max(options.maximumRounds, 1) {
            var image = timesGram(basis, width)
            let projected = LinearAlgebra.product(transposeB: true, m: width, n: width, k: order, image, basis)
            let before = captured
            captured = (0..<width).reduce(0.0) { $0 + Double(projected[$1 * width + $1]) }
            // Within the subspace, the best vectors are the eigenvectors of the projected matrix (Rayleigh and Ritz).
            let ritz = try LinearAlgebra.symmetricEigen(projected, order: width)
            if round > 0, captured - before <= max(options.tolerance * (total - captured), noise) {
                let turn = Leading(ritz)
                return Leading(
                    vectors: LinearAlgebra.product(m: rank, n: order, k: width, Array(turn.vectors.prefix(rank * width)), basis),
                    values: Array(turn.values.prefix(rank)))
            }
            // Eigenvalues of the complement lie between 0 and about the smallest Ritz value b. The Chebyshev polynomial of degree two, shifted to
            // [0, b], keeps them within [-1, 1] and magnifies those above b most: 2 (2 G / b - 1)^2 - 1 = (8 / b^2) (G - b) G + 1.
            if let bound = ritz.values.first, Double(bound) > noise / Double(order) {
                image.withUnsafeMutableBufferPointer { image in
                    Scalar.add(basis, scaledBy: -bound, to: image.baseAddress!, count: image.count)
                }
                image = timesGram(image, width)
                image.withUnsafeMutableBufferPointer { image in
                    Scalar.add(basis, scaledBy: bound * bound / 8, to: image.baseAddress!, count: image.count)
                }
            }
            basis = try orthonormal(image, width)
        }
        return nil
    }

    /// X G for X [width, order].
    private func timesGram(_ x: [Scalar], _ width: Int) -> [Scalar] {
        LinearAlgebra.product(m: width, n: order, k: order, x, values)
    }

    private func orthonormal(_ x: [Scalar], _ width: Int) throws(LinearAlgebraError) -> [Scalar] {
        try LinearAlgebra.lq(x, rows: width, columns: order).right
    }

    private func normals(_ width: Int, _ seed: UInt64) -> [Scalar] {
        let count = order * width
        var generator = SplitMix64(seed: seed)
        var wide = [Double](repeating: 0, count: count + 1)
        for index in stride(from: 0, to: count, by: 2) { (wide[index], wide[index + 1]) = generator.nextNormals() }
        var result = [Scalar](repeating: 0, count: count)
        Scalar.narrow(wide, to: &result, count: count)
        return result
    }
}

extension GramMatrix.Leading {
    fileprivate init(vectors: [Scalar], values: [Double]) {
        self.vectors = vectors
        self.values = values
    }
}
