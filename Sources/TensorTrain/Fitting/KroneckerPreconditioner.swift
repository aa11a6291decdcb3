import Kernels

/// An approximate inverse of a core's normal matrix: N is replaced by the Kronecker product of its partial traces.
///
/// With g = sum of G over a = a', h = sum of H over b = b' (see ``NormalMatrix``), the partial traces of N are
///
///     N_i[i, i'] = sum over q, q', s, s' of g[q, q'] C[(q i s), (q' i' s')] h[s, s']
///     N_a[a, a'] = sum over p, q, q' of L[p, q, a] C_q[q, q'] L[p, q', a'],  C_q = sum over i = i', s, s' of C h
///     N_b, its mirror image,
///
/// and N ~ N_a (x) N_i (x) N_b / tr(N)^2. They are positive definite where C is, and exact where only one of q, i, s has a
/// range: for legs (o, 1), (1, i) one step solves the problem.
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
        let g = Threaded.product(transposeB: true, m: q, n: q, k: l.out * a, byIn, byIn)
        let h = Threaded.product(transposeA: true, m: s, n: s, k: b * r.out, r.values, r.values)
        let traces = PartialTraces(moment: moment, left: g, q, i, right: h, s)
        let leftHalf = Threaded.product(m: q, n: l.out * a, k: q, Scalar.converted(traces.left), byIn)
        let ofLeft = Threaded.product(transposeA: true, m: a, n: a, k: q * l.out, byIn, leftHalf)
        let rightHalf = Threaded.product(m: b * r.out, n: s, k: s, r.values, Scalar.converted(traces.right))
        let ofRight = Threaded.product(transposeB: true, m: b, n: b, k: r.out * s, r.values, rightHalf)
        let trace = (0..<i).reduce(0) { $0 + traces.middle[$1 * i + $1] }
        (self.a, self.i, self.b) = (a, i, b)
        inverseI = try Self.inverse(traces.middle, order: i, trace: trace, damping: damping)
        inverseA = try Self.inverse(Double.converted(ofLeft), order: a, trace: 1, damping: damping)
        inverseB = try Self.inverse(Double.converted(ofRight), order: b, trace: 1, damping: damping)
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
    ) throws(TensorTrainError) -> [Scalar] {
        let own = (0..<order).reduce(0) { $0 + factor[$1 * order + $1] }
        var scaled = [Double](repeating: 0, count: order * order)
        // A factor of zeros (no signal reaches the core) must still have an inverse.
        if own > 0, trace > 0 { Double.add(factor, scaledBy: trace / own, to: &scaled, count: scaled.count) }
        let ridge = own > 0 && trace > 0 ? damping * trace / Double(order) : 1
        for index in 0..<order { scaled[index * order + index] += ridge }
        return try Scalar.converted(symmetricInverse(scaled, order: order))
    }
}

/// Sums over C [(q i s), (q' i' s')] weighted by g [q, q'] and h [s, s'], in double precision.
struct PartialTraces {
    /// [q, q']: over i = i' and h.
    let left: [Double]
    /// [i, i']: over g and h.
    let middle: [Double]
    /// [s, s']: over g and i = i'.
    let right: [Double]

    init<Scalar: LinearAlgebraScalar>(moment: [Scalar], left g: [Scalar], _ q: Int, _ i: Int, right h: [Scalar], _ s: Int) {
        let width = q * i * s
        precondition(moment.count == width * width, "\(moment.count) values for a moment of width \(width)")
        let rows = q * i
        // [(q i), (q' i')], summed over h.
        let inner: [Double] = Threaded.filled(rows * rows) { result in
            let to = Address(UnsafeMutableRawPointer(result))
            moment.withUnsafeBytes { moment in
                let from = Address(moment.baseAddress!)
                Parallel.forBlocks(of: rows, block: 4) { part in
                    let c = from.raw.assumingMemoryBound(to: Scalar.self)
                    let to = to.raw.assumingMemoryBound(to: Double.self)
                    for row in part {
                        for column in 0..<rows {
                            var sum = 0.0
                            for k in 0..<s {
                                sum += h.withUnsafeBufferPointer {
                                    Scalar.dot($0.baseAddress! + k * s, c + (row * s + k) * width + column * s, count: s)
                                }
                            }
                            to[row * rows + column] = sum
                        }
                    }
                }
            }
        }
        var left = [Double](repeating: 0, count: q * q)
        var middle = [Double](repeating: 0, count: i * i)
        for x in 0..<q {
            for y in 0..<q {
                let weight = Double(g[x * q + y])
                for j in 0..<i {
                    let line = (x * i + j) * rows + y * i
                    left[x * q + y] += inner[line + j]
                    for k in 0..<i { middle[j * i + k] += weight * inner[line + k] }
                }
            }
        }
        self.left = left
        self.middle = middle
        right = Threaded.filled(s * s) { result in
            let to = Address(UnsafeMutableRawPointer(result))
            moment.withUnsafeBytes { moment in
                let from = Address(moment.baseAddress!)
                Parallel.forEach(s) { k in
                    let c = from.raw.assumingMemoryBound(to: Scalar.self)
                    let line = to.raw.assumingMemoryBound(to: Double.self) + k * s
                    line.update(repeating: 0, count: s)
                    for x in 0..<q {
                        for y in 0..<q {
                            let weight = Double(g[x * q + y])
                            for j in 0..<i {
                                let source = c + ((x * i + j) * s + k) * width + (y * i + j) * s
                                for t in 0..<s { line[t] += weight * Double(source[t]) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The inverse of a symmetric positive definite matrix, by blocks of columns.
func symmetricInverse(_ matrix: [Double], order: Int) throws(TensorTrainError) -> [Double] {
    let factor = try wrapping { () throws(LinearAlgebraError) in try Cholesky(matrix, order: order) }
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
