import Kernels

/// The normal matrix of one core applied to X [a, o, i, b], in the cheaper of two ways; it never exists itself.
///
/// *Rebuilt*: the chain with X in place of the core, times C, projected back. *Gram*: for a core at an end of the chain the sum
/// over the outs p of the other cores is taken once,
///
///     (N X)[a, o, i] = sum over q, q', i', a' of G[q, q', a, a'] X[a', o, i'] C[(q' i'), (q i)]
///
/// so that the product with C has a rows an out index instead of p: with few ins q on that side it is cheaper.
struct NormalOperator<Scalar: LinearAlgebraScalar> {
    private let problem: CoreProblem<Scalar>
    private let moment: [Scalar]
    /// G [q, a, q', a'] of the one side, and C turned to [q, q', i', i]; nil where rebuilding is cheaper.
    private let gram: (side: Environment<Scalar>, values: [Scalar], moment: [Scalar])?

    init(_ problem: CoreProblem<Scalar>, moment: [Scalar]) {
        self.problem = problem
        self.moment = moment
        let (l, i, r) = (problem.left, problem.in, problem.right)
        guard Self.gramFlops(problem) < Self.rebuildFlops(problem) else {
            gram = nil
            return
        }
        if r.isEnd {
            let (q, a) = (l.in, l.bond)
            gram = (
                l, Threaded.product(transposeA: true, m: q * a, n: q * a, k: l.out, l.values, l.values),
                Threaded.reordered(moment, shape: [q, i, q, i], order: [0, 2, 3, 1])
            )
        } else {
            let (s, b) = (r.in, r.bond)
            let byOut = Threaded.reordered(r.values, shape: [b, r.out, s], order: [1, 2, 0])
            gram = (
                r, Threaded.product(transposeA: true, m: s * b, n: s * b, k: r.out, byOut, byOut),
                Threaded.reordered(moment, shape: [i, s, i, s], order: [1, 3, 2, 0])
            )
        }
    }

    /// N X, and where the chain is rebuilt its product with C on the way, [o, i].
    func callAsFunction(_ x: [Scalar]) -> (image: [Scalar], weighted: [Scalar]?) {
        guard let gram else {
            let weighted = Threaded.product(m: problem.rows, n: problem.columns, k: problem.columns, problem.build(x), moment)
            return (problem.project(weighted), weighted)
        }
        let (q, a) = (gram.side.in, gram.side.bond)
        let (o, i) = (problem.out, problem.in)
        // X [a', (o i')] or [(o i'), b'], as [a', (o i')].
        let first = problem.right.isEnd ? x : Threaded.reordered(x, shape: [o * i, a], order: [1, 0])
        // G as [(q a q'), a'], so that Z is [q, a, q', o, i'].
        let z = Threaded.product(m: q * a * q, n: o * i, k: a, gram.values, first)
        let turned = Threaded.reordered(z, shape: [q, a, q, o, i], order: [1, 3, 0, 2, 4])
        let y = Threaded.product(m: a * o, n: i, k: q * q * i, turned, gram.moment)
        return (problem.right.isEnd ? y : Threaded.reordered(y, shape: [a, o * i], order: [1, 0]), nil)
    }

    /// Floating-point operations of one application.
    static func flops(_ problem: CoreProblem<Scalar>) -> Double { min(gramFlops(problem), rebuildFlops(problem)) }

    private static func rebuildFlops(_ problem: CoreProblem<Scalar>) -> Double {
        let (l, r) = (problem.left, problem.right)
        let (rows, columns) = (Double(problem.rows), Double(problem.columns))
        let chain = Double(l.out * l.in * problem.out * problem.in)
        let sides =
            (l.isEnd ? 0 : chain * Double(l.bond * r.bond)) + (r.isEnd ? 0 : chain * Double(r.bond * r.out * r.in))
        return 2 * rows * columns * columns + 4 * sides
    }

    private static func gramFlops(_ problem: CoreProblem<Scalar>) -> Double {
        guard problem.left.isEnd != problem.right.isEnd else { return .infinity }
        let side = problem.right.isEnd ? problem.left : problem.right
        let (q, a) = (Double(side.in), Double(side.bond))
        let (o, i) = (Double(problem.out), Double(problem.in))
        return 2 * (q * q * a * a * o * i + a * o * q * q * i * i)
    }
}
