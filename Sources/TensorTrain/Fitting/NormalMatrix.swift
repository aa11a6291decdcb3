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
        let right = Side(out: r.out, in: s, bond: b, count: q * i)
        let ofRight = right.contract(moment, Threaded.reordered(r.values, shape: [b, r.out, s], order: [1, 2, 0]))
        let turned = Threaded.reordered(ofRight, shape: [q, i, q, i, b, b], order: [1, 4, 0, 3, 5, 2])
        let all = Side(out: l.out, in: q, bond: a, count: i * b).contract(turned, l.values)
        order = a * i * b
        values = Double.converted(Threaded.reordered(all, shape: [i, b, i, b, a, a], order: [4, 0, 1, 5, 2, 3]))
    }

    /// The X [a, o, i, b] with (N + damping mean(diag N)) X = G.
    func solve<Scalar: LinearAlgebraScalar>(
        _ gradient: [Scalar], _ problem: CoreProblem<Scalar>, damping: Double
    ) throws(TensorTrainError) -> [Scalar] {
        var damped = values
        let mean = (0..<order).reduce(0) { $0 + values[$1 * order + $1] } / Double(order)
        // No signal reaches the core: it may stay as it is.
        guard mean > 0 else { return [Scalar](repeating: 0, count: gradient.count) }
        for index in 0..<order { damped[index * order + index] += damping * mean }
        let (a, o, i, b) = (problem.left.bond, problem.out, problem.in, problem.right.bond)
        let columns = Double.converted(Threaded.reordered(gradient, shape: [a, o, i, b], order: [0, 2, 3, 1]))
        let solved = try wrapping { () throws(LinearAlgebraError) in
            try Cholesky(moment: damped, order: order).solve(columns: columns, count: o)
        }
        return Threaded.reordered(Scalar.converted(solved), shape: [a, i, b, o], order: [0, 3, 1, 2])
    }

    /// Floating-point operations of making and factorising it, and the elements of the largest array on the way.
    static func cost<Scalar: LinearAlgebraScalar>(_ problem: CoreProblem<Scalar>) -> (flops: Double, elements: Double) {
        let (l, i, r) = (problem.left, problem.in, problem.right)
        let right = Side(out: r.out, in: r.in, bond: r.bond, count: l.in * i).cost
        let left = Side(out: l.out, in: l.in, bond: l.bond, count: i * r.bond).cost
        let order = Double(problem.order)
        // Double precision counts twice.
        let solving = 2 * (order * order * order / 3 + 2 * order * order * Double(problem.out))
        return (right.flops + left.flops + solving, max(right.elements, left.elements, order * order))
    }
}

/// One environment contracted with both sides of a matrix M [(x s), (y s')], x and y from 0..<count:
/// the sum over p, s, s' of E[p, s, b] M[(x s), (y s')] E[p, s', b'].
private struct Side {
    let out: Int
    let `in`: Int
    let bond: Int
    let count: Int

    private typealias Cost = (flops: Double, elements: Double)

    /// The Gram matrix of E over p first, then one product with M.
    private var gramFirst: Cost {
        let (p, s, b, x) = (Double(out), Double(`in`), Double(bond), Double(count))
        return (2 * (s * s * b * b * p + x * x * s * s * b * b), max(s * s * b * b, x * x * s * s, x * x * b * b))
    }

    /// M with E on one side, then on the other: less where there are few p.
    private var oneByOne: Cost {
        let (p, s, b, x) = (Double(out), Double(`in`), Double(bond), Double(count))
        return (2 * (x * x * s * s * p * b + x * x * s * p * b * b), max(x * x * s * p * b, x * x * s * s, x * x * b * b))
    }

    var cost: (flops: Double, elements: Double) { gramFirst.flops < oneByOne.flops ? gramFirst : oneByOne }

    /// - Parameters:
    ///   - matrix: M, [x, s, y, s'].
    ///   - environment: E, [p, s, b].
    /// - Returns: [x, y, b, b'].
    func contract<Scalar: LinearAlgebraScalar>(_ matrix: [Scalar], _ environment: [Scalar]) -> [Scalar] {
        let (p, s, b, x) = (out, `in`, bond, count)
        if gramFirst.flops < oneByOne.flops {
            let gram = Threaded.product(transposeA: true, m: s * b, n: s * b, k: p, environment, environment)
            let byPairs = Threaded.reordered(gram, shape: [s, b, s, b], order: [0, 2, 1, 3])
            let turned = Threaded.reordered(matrix, shape: [x, s, x, s], order: [0, 2, 1, 3])
            return Threaded.product(m: x * x, n: b * b, k: s * s, turned, byPairs)
        }
        let byIn = Threaded.reordered(environment, shape: [p, s, b], order: [1, 0, 2])
        let half = Threaded.product(m: x * s * x, n: p * b, k: s, matrix, byIn)
        let turned = Threaded.reordered(half, shape: [x, s, x, p, b], order: [0, 2, 4, 3, 1])
        let all = Threaded.product(m: x * x * b, n: b, k: p * s, turned, environment)
        return Threaded.reordered(all, shape: [x * x, b, b], order: [0, 2, 1])
    }
}
