import Kernels

/// Finds an orthonormal basis of the space that holds most of a matrix's energy. See ``RandomisedSVD``.
struct RangeFinder<Scalar: LinearAlgebraScalar> {
    let matrix: [Scalar]
    let rows: Int
    let columns: Int
    let options: RandomisedSVD

    struct Range {
        /// Q, [rows, width].
        var basis: [Scalar]
        /// M^T Q, [columns, width].
        var image: [Scalar]
        var width: Int
    }

    /// The basis for a rank, or nil when it has not settled within the allowed rounds.
    func range(rank: Int) throws(TensorTrainError) -> Range? {
        try wrapping { () throws(LinearAlgebraError) in try settled(rank: rank) }
    }

    private func settled(rank: Int) throws(LinearAlgebraError) -> Range? {
        try LinearAlgebra.requireFinite(matrix, rows: rows, columns: columns, routine: "decomposition")
        let width = min(rank + max(options.oversampling, 1), rows, columns)
        let total = energy(matrix)
        // Below this, differences of energies are rounding.
        let noise = 16 * Double(Scalar.ulpOfOne) * total
        var basis = try orthonormal(times(normals(columns * width), width), rows: rows, width)
        var captured = 0.0
        for round in 0...max(options.maximumRounds, 1) {
            let image = transposedTimes(basis, width)
            let before = captured
            captured = energy(image)
            if round > 0, captured - before <= max(options.tolerance * (total - captured), noise) {
                return Range(basis: basis, image: image, width: width)
            }
            let dual = try orthonormal(image, rows: columns, width)
            basis = try orthonormal(times(dual, width), rows: rows, width)
        }
        return nil
    }

    private func times(_ x: [Scalar], _ width: Int) -> [Scalar] {
        LinearAlgebra.product(m: rows, n: width, k: columns, matrix, x)
    }

    private func transposedTimes(_ x: [Scalar], _ width: Int) -> [Scalar] {
        LinearAlgebra.product(transposeA: true, m: columns, n: width, k: rows, matrix, x)
    }

    private func orthonormal(_ x: [Scalar], rows: Int, _ width: Int) throws(LinearAlgebraError) -> [Scalar] {
        try LinearAlgebra.qr(x, rows: rows, columns: width).left
    }

    private func energy(_ x: [Scalar]) -> Double { x.withUnsafeBufferPointer { Scalar.sumOfSquares($0) } }

    private func normals(_ count: Int) -> [Scalar] {
        var generator = SplitMix64(seed: options.seed)
        var wide = [Double](repeating: 0, count: count + 1)
        for index in stride(from: 0, to: count, by: 2) { (wide[index], wide[index + 1]) = generator.nextNormals() }
        var result = [Scalar](repeating: 0, count: count)
        Scalar.narrow(wide, to: &result, count: count)
        return result
    }
}
