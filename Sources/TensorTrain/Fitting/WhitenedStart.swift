import Kernels

/// The start of a fit: TT-SVD of the matrix with C ~ C_1 (x) C_2 (x) .. (x) C_N taken into its columns.
///
/// With C_k = S_k S_k^T the error is ||(T - W') (S_1 (x) .. (x) S_N)||_F, so T (S_1 (x) .. (x) S_N) is decomposed and S_k^-1 goes
/// back into core k. Where all columns belong to one core the product is C itself: two cores are then the exact optimum, for legs
/// (o, 1), (1, i) the whitened low-rank factorisation (SVD-LLM, arXiv 2403.07378).
///
/// Elsewhere the C_k are those of the likeliest Kronecker product, from the identity by two rounds of "flip-flop" (Dutilleul 1999): each in turn is the sum over
/// C with the inverses of the others as weights, so that what the others explain does not count in it. The first of the first round is the partial trace.
struct WhitenedStart<Scalar: LinearAlgebraScalar> {
    /// L_k with L_k L_k^T = C_k, in double precision.
    let factors: [Cholesky<Double>]
    private let inFactors: [Int]

    /// - Parameter damping: added to each C_k, relative to the mean of its diagonal.
    init(moment: [Scalar], inFactors: [Int], damping: Double) throws(TensorTrainError) {
        self.inFactors = inFactors
        let split = inFactors.count { $0 > 1 } > 1
        let width = inFactors.reduce(1, *), total = (0..<width).reduce(0) { $0 + Double(moment[$1 * (width + 1)]) }
        var factors: [Cholesky<Double>] = []
        let rounds = split ? 2 : 1
        // Inverses are weights for the factors that follow; where none does they are not made.
        var inverses = inFactors.map { split || $0 == 1 ? WeightedTrace.identity($0) : [] }
        let last = inFactors.lastIndex { $0 > 1 }
        for round in 1...rounds {
            factors = []
            for (index, own) in inFactors.enumerated() {
                var matrix =
                    own == 1
                    ? [total]
                    : WeightedTrace.sum(
                        moment, left: WeightedTrace.kronecker(inverses[..<index]), keeping: own, right: WeightedTrace.kronecker(inverses[(index + 1)...]))
                let found = (0..<own).reduce(0) { $0 + matrix[$1 * own + $1] }
                // The first has the trace of C, the others 1. It cancels in W', but decides how the size of W' is shared among the cores.
                let trace = index == 0 && total > 0 ? total : 1
                matrix.withUnsafeMutableBufferPointer { Double.scale($0, by: found > 0 ? trace / found : 1) }
                let ridge = found > 0 ? damping * trace / Double(own) : 1
                for row in 0..<own { matrix[row * own + row] += ridge }
                factors.append(try wrapping { () throws(LinearAlgebraError) in try Cholesky(moment: matrix, order: own) })
                if own > 1, round < rounds || index != last { inverses[index] = try symmetricInverse(matrix, order: own) }
            }
        }
        self.factors = factors
    }

    /// The operator of a target, row-major [o, i].
    ///
    /// - Parameter accuracy: how well the leading singular vectors of each cut are found.
    func decompose(
        _ target: [Scalar], layout: MPOLayout, accuracy: LeadingSubspace<Scalar>.Accuracy
    ) throws(TensorTrainError) -> MPO<Scalar> {
        var rest = layout.matrixToCores(whitened(target, rows: layout.rows))
        var values: [[Scalar]] = []
        var bonds = [1]
        for index in 0..<layout.cores - 1 {
            let rows = bonds[index] * layout.products[index]
            let columns = rest.count / rows
            let subspace = try LeadingSubspace(
                rest, rows: rows, columns: columns, rank: min(layout.bonds[index + 1], rows, columns), accuracy: accuracy)
            values.append(subspace.basis)
            bonds.append(subspace.rank)
            rest = Threaded.product(transposeA: true, m: subspace.rank, n: columns, k: rows, subspace.basis, rest)
        }
        values.append(rest)
        bonds.append(1)
        let result = layout.with(bonds: bonds)
        for index in 0..<layout.cores { values[index] = unwhitened(values[index], result.coreShape(index), factors[index]) }
        return MPO(trusted: result, values)
    }

    /// T (L_1 (x) .. (x) L_N): one leg at a time is brought to the end, where a product takes its factor in; after the last one
    /// all legs are back in their order.
    private func whitened(_ target: [Scalar], rows: Int) -> [Scalar] {
        var values = target
        let width = inFactors.reduce(1, *)
        for (own, factor) in zip(inFactors, factors) {
            let rest = width / own
            values = Threaded.reordered(values, shape: [rows, own, rest], order: [0, 2, 1])
            values = Threaded.product(m: rows * rest, n: own, k: own, values, Scalar.converted(factor.lower))
        }
        return values
    }

    /// The core with L^-1 on its in leg.
    private func unwhitened(_ core: [Scalar], _ shape: [Int], _ factor: Cholesky<Double>) -> [Scalar] {
        let (left, out, own, right) = (shape[0], shape[1], shape[2], shape[3])
        let columns = Threaded.reordered(core, shape: [left * out, own, right], order: [1, 0, 2])
        let solved = factor.solveTransposedFactor(columns: Double.converted(columns), count: left * out * right)
        return Threaded.reordered(Scalar.converted(solved), shape: [own, left * out, right], order: [1, 0, 2])
    }
}
