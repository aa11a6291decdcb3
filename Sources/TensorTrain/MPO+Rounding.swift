import Kernels

extension MPO {
    /// The operator with smaller bonds, at the least loss for a sweep, and the exact cost of it.
    ///
    /// With right-isometric cores behind it, the singular values of one core are those of the whole matrix at that bond.
    ///
    /// - Parameters:
    ///   - limit: the bonds afterwards; bonds that are smaller already stay.
    ///   - relativeTolerance: bonds are cut further where the error allows. With 0 only what is exactly zero goes.
    package func rounded(
        to limit: BondLimit = .exact, relativeTolerance: Double? = nil, gauge: Gauge = .balanced
    ) throws(TensorTrainError) -> Decomposition<Scalar> {
        let target = try limit.bonds(products: layout.products)
        let share = try Truncation.share(relativeTolerance ?? 0, cap: .max, cores: cores.count)
        let start = try rightCanonical()
        let norm = start.cores[0].values.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }.squareRoot()
        var values = start.values
        var bonds = start.layout.bonds
        var errors: [Double] = []
        for index in 0..<cores.count - 1 {
            let rows = bonds[index] * layout.products[index]
            let cap = min(target[index + 1], rows, bonds[index + 1])
            let split = try MatrixSplit(
                values[index], rows: rows, columns: bonds[index + 1],
                rule: relativeTolerance == nil ? .fixed(cap) : .error(share * norm, cap: cap))
            values[index] = split.left
            values[index + 1] = LinearAlgebra.product(
                m: split.rank, n: layout.products[index + 1] * bonds[index + 2], k: bonds[index + 1], split.right,
                values[index + 1])
            bonds[index + 1] = split.rank
            errors.append(split.error)
        }
        let result = MPO(trusted: layout.with(bonds: bonds), values)
        return Decomposition(
            mpo: try result.regauged(gauge, lastBond: nil),
            truncation: Truncation(
                norm: norm, cutErrors: errors, epsilon: Double(Scalar.ulpOfOne), layout: layout))
    }
}
