import Kernels

/// The normal matrix of one core, as a whole:
///
///     N[(a, i, b), (a', i', b')] = sum over q, q', s, s' of G[q, q', a, a'] C[(q i s), (q' i' s')] H[s, s', b, b']
///     G[q, q', a, a'] = sum over p of L[p, q, a] L[p, q', a'],  H[s, s', b, b'] = sum over p of R[b, p, s] R[b', p, s']
///
/// It does not depend on the core's out index, so one factorisation serves them all.
struct NormalMatrix {
    /// a i b.
    let order: Int
    /// Row-major [order, order].
    var values: [Double]

    init<Scalar: LinearAlgebraScalar>(_ problem: CoreProblem<Scalar>, moment: [Scalar]) {
        let (l, i, r) = (problem.left, problem.in, problem.right)
        let (a, q, b, s) = (l.bond, l.in, r.bond, r.in)
        // [(q a), (q' a')] and [(b s), (b' s')], turned so that the indices of C stand together.
        let left = Threaded.reordered(
            Threaded.product(transposeA: true, m: q * a, n: q * a, k: l.out, l.values, l.values),
            shape: [q, a, q, a], order: [1, 3, 0, 2])
        let byOut = Threaded.reordered(r.values, shape: [b, r.out, s], order: [1, 2, 0])
        let right = Threaded.reordered(
            Threaded.product(transposeA: true, m: s * b, n: s * b, k: r.out, byOut, byOut),
            shape: [s, b, s, b], order: [0, 2, 1, 3])
        // [(a a'), (q q')] [(q q'), (i i' s s')], then [.., (s s')] [(s s'), (b b')].
        let turned = Threaded.reordered(moment, shape: [q, i, s, q, i, s], order: [0, 3, 1, 4, 2, 5])
        let half = Threaded.product(m: a * a, n: i * i * s * s, k: q * q, left, turned)
        let all = Threaded.product(m: a * a * i * i, n: b * b, k: s * s, half, right)
        order = a * i * b
        values = Double.converted(Threaded.reordered(all, shape: [a, a, i, i, b, b], order: [0, 2, 4, 1, 3, 5]))
    }

    /// The X [a, o, i, b] with (N + damping mean(diag N)) X = G.
    func solve<Scalar: LinearAlgebraScalar>(
        _ gradient: [Scalar], _ problem: CoreProblem<Scalar>, damping: Double
    ) throws(TensorTrainError) -> [Scalar] {
        var damped = values
        let mean = (0..<order).reduce(0) { $0 + values[$1 * order + $1] } / Double(order)
        for index in 0..<order { damped[index * order + index] += damping * mean }
        let (a, o, i, b) = (problem.left.bond, problem.out, problem.in, problem.right.bond)
        let columns = Double.converted(Threaded.reordered(gradient, shape: [a, o, i, b], order: [0, 2, 3, 1]))
        let solved = try wrapping { () throws(LinearAlgebraError) in
            try Cholesky(damped, order: order).solve(columns: columns, count: o)
        }
        return Threaded.reordered(Scalar.converted(solved), shape: [a, i, b, o], order: [0, 3, 1, 2])
    }

    /// Floating-point operations of making and factorising it, and the elements of the largest array on the way.
    static func cost<Scalar: LinearAlgebraScalar>(_ problem: CoreProblem<Scalar>) -> (flops: Double, elements: Double) {
        let (a, q) = (Double(problem.left.bond), Double(problem.left.in))
        let (b, s) = (Double(problem.right.bond), Double(problem.right.in))
        let i = Double(problem.in)
        let order = a * i * b
        let flops =
            2 * (a * a * q * q * i * i * s * s + a * a * i * i * s * s * b * b) + 2 * q * q * a * a * Double(problem.left.out)
            + 2 * s * s * b * b * Double(problem.right.out)
            // Double precision counts twice.
            + 2 * (order * order * order / 3 + 2 * order * order * Double(problem.out))
        return (flops, max(order * order, a * a * i * i * s * s, q * q * i * i * s * s, s * s * b * b, q * q * a * a))
    }
}
