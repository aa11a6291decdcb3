import Kernels

/// Where an operator's scale sits; every choice is the same matrix.
package enum Gauge: String, Sendable, Codable, CaseIterable {
    /// Cores 1..N-1 are left-isometric, the last carries the singular values.
    case left
    /// Cores 2..N are right-isometric, the first carries the singular values.
    case right
    /// The singular values of each bond are split evenly: on both sides of bond k the Gram matrix over everything else is
    /// diag(s_k). Cores then have like magnitudes, and so have their gradients.
    case balanced
}

/// An operator, and how far it is from what it was made from.
package struct Decomposition<Scalar: LinearAlgebraScalar>: Sendable {
    package let mpo: MPO<Scalar>
    package let truncation: Truncation
}

/// What truncating cost.
package struct Truncation: Equatable, Sendable {
    /// The Frobenius norm of the matrix before.
    package let norm: Double
    /// For each inner bond, the norm of what was discarded there.
    package let cutErrors: [Double]
    /// An allowance for rounding in the chain of decompositions and products: a few units in the last place of the
    /// norm per core, growing with the square root of the length of the sums.
    package let roundoff: Double

    init(norm: Double, cutErrors: [Double], epsilon: Double, layout: MPOLayout) {
        self.norm = norm
        self.cutErrors = cutErrors
        let length = max(layout.rows, layout.columns, layout.bonds.max() ?? 1)
        roundoff = 4 * Double(layout.cores) * Double(length).squareRoot() * epsilon * norm
    }

    /// The root of the sum of squares of the cut errors: in exact arithmetic an upper bound of the distance, and the
    /// distance itself for two cores. (The cuts' errors are orthogonal, so with the one-directional sweep used here it is
    /// the distance for any number of cores.)
    package var cutNorm: Double { cutErrors.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    /// An upper bound of ||W - W'||_F, rounding included.
    package var bound: Double { cutNorm + roundoff }
    /// The bound relative to the norm; 0 for a zero matrix.
    package var relativeBound: Double { norm == 0 ? 0 : bound / norm }
}

extension MPO {
    /// The operator of a dense matrix, row-major [o, i], with the bonds of a layout (TT-SVD, Oseledets 2011).
    ///
    /// The matrix is brought into the order of the cores; for each bond in turn what remains is unfolded as
    /// [r(k-1) o_k i_k, rest] and split at its r_k largest singular values.
    ///
    /// - Throws: when the layout is not the matrix's, when a bond is wider than the exact one, on NaN and infinity.
    package static func decompose(
        _ matrix: [Scalar], layout: MPOLayout, gauge: Gauge = .balanced, method: SVDMethod = .automatic
    ) throws(TensorTrainError) -> Decomposition<Scalar> {
        let exact = BondLimit.uniform(cap: .max, products: layout.products)
        for bond in exact.indices where bond > 0 {
            let reachable = min(exact[bond], layout.bonds[bond - 1] * layout.products[bond - 1])
            if layout.bonds[bond] > reachable {
                throw .badBonds(
                    "bond \(bond) of \(layout) is \(layout.bonds[bond]), but after the bonds before it at most \(reachable) are of use"
                )
            }
        }
        return try decompose(matrix, layout, gauge: gauge, method: method) { bond, _ in .fixed(layout.bonds[bond]) }
    }

    /// The operator of a dense matrix with bonds as small as an error allows.
    ///
    /// - Parameters:
    ///   - relativeTolerance: of ||W - W'||_F to ||W||_F; each of the N - 1 cuts gets an equal share of the squares.
    ///   - cap: no bond is wider, whatever the error; `.max` for none.
    package static func decompose(
        _ matrix: [Scalar], outFactors: [Int], inFactors: [Int], relativeTolerance: Double, cap: Int = .max,
        gauge: Gauge = .balanced, method: SVDMethod = .automatic
    ) throws(TensorTrainError) -> Decomposition<Scalar> {
        let share = try Truncation.share(relativeTolerance, cap: cap, cores: outFactors.count)
        let layout = try MPOLayout(outFactors: outFactors, inFactors: inFactors)
        return try decompose(matrix, layout, gauge: gauge, method: method) { _, norm in .error(share * norm, cap: cap) }
    }

    private static func decompose(
        _ matrix: [Scalar], _ layout: MPOLayout, gauge: Gauge, method: SVDMethod,
        rule: (_ bond: Int, _ norm: Double) -> MatrixSplit<Scalar>.Rule
    ) throws(TensorTrainError) -> Decomposition<Scalar> {
        guard matrix.count == layout.denseCount else {
            throw .wrongCount(
                what: "matrix of \(layout.rows) x \(layout.columns)", expected: layout.denseCount, found: matrix.count)
        }
        try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.requireFinite(
                matrix, rows: layout.rows, columns: layout.columns, routine: "decomposition")
        }
        let norm = matrix.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }.squareRoot()
        var rest = layout.matrixToCores(matrix)
        var bonds = [1]
        var values: [[Scalar]] = []
        var errors: [Double] = []
        var lastCut: (isometry: MatrixSplit<Scalar>.Side, weights: [Double]?) = (.left, nil)
        for core in 0..<layout.cores - 1 {
            let rows = bonds[core] * layout.products[core]
            let split = try MatrixSplit(
                rest, rows: rows, columns: rest.count / rows, rule: rule(core + 1, norm), method: method,
                eitherSide: core == layout.cores - 2)
            values.append(split.left)
            errors.append(split.error)
            bonds.append(split.rank)
            rest = split.right
            lastCut = (split.isometry, split.weights)
        }
        values.append(rest)
        let result = MPO(trusted: layout.with(bonds: bonds + [1]), values)
        return Decomposition(
            mpo: try result.regauged(gauge, isometry: lastCut.isometry, lastBond: lastCut.weights),
            truncation: Truncation(
                norm: norm, cutErrors: errors, epsilon: Double(Scalar.ulpOfOne), layout: result.layout))
    }
}

extension Truncation {
    /// Each cut's share of a relative tolerance.
    static func share(_ tolerance: Double, cap: Int, cores: Int) throws(TensorTrainError) -> Double {
        guard tolerance >= 0, tolerance.isFinite else {
            throw .outOfRange("the relative tolerance must be a number of at least 0, found \(tolerance)")
        }
        guard cap >= 1 else { throw .badBonds("the bond dimension must be at least 1, found \(cap)") }
        return tolerance / Double(max(cores - 1, 1)).squareRoot()
    }
}
