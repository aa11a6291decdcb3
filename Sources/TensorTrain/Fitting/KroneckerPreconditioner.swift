import Kernels

/// An approximate inverse of a core's normal matrix, which is replaced by a Kronecker product N_a (x) N_i (x) N_b.
///
/// N_i is N's partial trace over the bonds. The factors of the bonds see C through N_i^-1, as in the maximum-likelihood estimate of a Kronecker product
/// (the first half round of "flip-flop", Dutilleul 1999), so that they describe what N_i leaves to them:
///
///     N_i[i, i'] = sum over q, q', s, s' of g[q, q'] C[(q i s), (q' i' s')] h[s, s'],   g = sum of G over a = a', h = sum of H over b = b'
///     N_a[a, a'] = sum over p, q, q' of L[p, q, a] C_q[q, q'] L[p, q', a'],   C_q = sum over i, i', s, s' of N_i^-1[i, i'] C[(q i s), (q' i' s')] h[s, s']
///     N_b, its mirror image,
///
/// (G, H: see ``NormalMatrix``). They are positive definite where C is, and exact where only one of q, i, s has a range: for legs (o, 1), (1, i) one step solves
/// the problem.
struct KroneckerPreconditioner<Scalar: LinearAlgebraScalar> {
    private let a: Int
    private let i: Int
    private let b: Int
    private let inverseA: [Scalar]
    private let inverseI: [Scalar]
    private let inverseB: [Scalar]

    /// - Parameter damping: added to each factor, relative to the mean of its diagonal.
    init(_ problem: CoreProblem<Scalar>, moment: [Scalar], damping: Double) throws(TensorTrainError) {
        let (l, r) = (problem.left, problem.right)
        let (a, q, i, s, b) = (l.bond, l.in, problem.in, r.in, r.bond)
        let byIn = Threaded.reordered(l.values, shape: [l.out, q, l.bond], order: [1, 0, 2])
        let g = Double.converted(Threaded.product(transposeB: true, m: q, n: q, k: l.out * a, byIn, byIn))
        let h = Double.converted(Threaded.product(transposeA: true, m: s, n: s, k: b * r.out, r.values, r.values))
        let middle = WeightedTrace.sum(moment, left: g, keeping: i, right: h)
        let trace = (0..<i).reduce(0) { $0 + middle[$1 * i + $1] }
        let inverse = try Self.inverse(middle, order: i, trace: trace, damping: damping)
        var ofLeft: [Scalar] = [1], ofRight: [Scalar] = [1]
        if !l.isEnd {
            let seen = q == 1 ? [1] : WeightedTrace.sum(moment, left: [1], keeping: q, right: WeightedTrace.kronecker([inverse, h]))
            let half = Threaded.product(m: q, n: l.out * a, k: q, Scalar.converted(seen), byIn)
            ofLeft = Threaded.product(transposeA: true, m: a, n: a, k: q * l.out, byIn, half)
        }
        if !r.isEnd {
            let seen = s == 1 ? [1] : WeightedTrace.sum(moment, left: WeightedTrace.kronecker([g, inverse]), keeping: s, right: [1])
            let half = Threaded.product(m: b * r.out, n: s, k: s, r.values, Scalar.converted(seen))
            ofRight = Threaded.product(transposeB: true, m: b, n: b, k: r.out * s, r.values, half)
        }
        (self.a, self.i, self.b) = (a, i, b)
        inverseI = Scalar.converted(inverse)
        inverseA = try Scalar.converted(Self.inverse(Double.converted(ofLeft), order: a, trace: 1, damping: damping))
        inverseB = try Scalar.converted(Self.inverse(Double.converted(ofRight), order: b, trace: 1, damping: damping))
    }

    /// N^-1 X, approximately, for X [a, o, i, b].
    func apply(_ x: [Scalar], out: Int) -> [Scalar] {
        var y = Threaded.product(m: a, n: out * i * b, k: a, inverseA, x)
        y = Threaded.product(m: a * out * i, n: b, k: b, y, inverseB)
        let last = Threaded.reordered(y, shape: [a * out, i, b], order: [0, 2, 1])
        let solved = Threaded.product(m: a * out * b, n: i, k: i, last, inverseI)
        return Threaded.reordered(solved, shape: [a * out, b, i], order: [0, 2, 1])
    }

    /// The inverse of a factor that is first scaled to a trace and damped.
    private static func inverse(
        _ factor: [Double], order: Int, trace: Double, damping: Double
    ) throws(TensorTrainError) -> [Double] {
        let own = (0..<order).reduce(0) { $0 + factor[$1 * order + $1] }
        var scaled = [Double](repeating: 0, count: order * order)
        // A factor of zeros (no signal reaches the core) must still have an inverse.
        if own > 0, trace > 0 { Double.add(factor, scaledBy: trace / own, to: &scaled, count: scaled.count) }
        let ridge = own > 0 && trace > 0 ? damping * trace / Double(order) : 1
        for index in 0..<order { scaled[index * order + index] += ridge }
        return try symmetricInverse(scaled, order: order)
    }
}

/// The inverse of a symmetric positive definite matrix, by blocks of columns.
func symmetricInverse(_ matrix: [Double], order: Int) throws(TensorTrainError) -> [Double] {
    let factor = try wrapping { () throws(LinearAlgebraError) in try Cholesky(moment: matrix, order: order) }
    return Threaded.filled(order * order) { result in
        let to = Address(UnsafeMutableRawPointer(result))
        Parallel.forBlocks(of: order, block: 256) { part in
            var identity = [Double](repeating: 0, count: order * part.count)
            for (index, column) in part.enumerated() { identity[column * part.count + index] = 1 }
            let solved = factor.solve(columns: identity, count: part.count)
            // Columns of a symmetric inverse are its rows.
            let to = to.raw.assumingMemoryBound(to: Double.self)
            for (index, column) in part.enumerated() {
                for row in 0..<order { to[column * order + row] = solved[row * part.count + index] }
            }
        }
    }
}
