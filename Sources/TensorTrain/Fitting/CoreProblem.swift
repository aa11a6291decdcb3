import Kernels

/// What lies on one side of a core: the product of the cores there, with its legs gathered.
///
/// Left of the core it is [outs, ins, bond], right of it [bond, outs, ins]; the ends of the chain have one of 1 everywhere.
struct Environment<Scalar: LinearAlgebraScalar> {
    var out = 1
    var `in` = 1
    var bond = 1
    var values: [Scalar] = [1]

    /// The product of cores 0..<index.
    static func left(of index: Int, _ mpo: MPO<Scalar>) -> Environment {
        var result = Environment()
        for core in mpo.cores[..<index] {
            let product = Threaded.product(
                m: result.out * result.in, n: core.rightColumns, k: core.left, result.values, core.values)
            result.values = Threaded.reordered(
                product, shape: [result.out, result.in, core.out, core.in, core.right], order: [0, 2, 1, 3, 4])
            result.out *= core.out
            result.in *= core.in
            result.bond = core.right
        }
        return result
    }

    /// The product of the cores behind index.
    static func right(of index: Int, _ mpo: MPO<Scalar>) -> Environment {
        var result = Environment()
        for core in mpo.cores[(index + 1)...].reversed() {
            let product = Threaded.product(
                m: core.leftRows, n: result.out * result.in, k: core.right, core.values, result.values)
            result.values = Threaded.reordered(
                product, shape: [core.left, core.out, core.in, result.out, result.in], order: [0, 1, 3, 2, 4])
            result.out *= core.out
            result.in *= core.in
            result.bond = core.left
        }
        return result
    }

    /// Whether there is nothing on this side.
    var isEnd: Bool { values == [1] }
}

/// The least-squares problem of one core X [a, o, i, b] with the others fixed.
///
/// ```
///    outs   o   outs'        W'[(p o p'), (q i q')] = sum over a, b of L[p, q, a] X[a, o, i, b] R[b, p', q']
///      │    │    │
///     [L]─a─[X]─b─[R]        N X = project(build(X) C), the normal matrix applied; it acts alike on every o
///      │    │    │
///    ins    i   ins'
/// ```
struct CoreProblem<Scalar: LinearAlgebraScalar> {
    let left: Environment<Scalar>
    let out: Int
    let `in`: Int
    let right: Environment<Scalar>

    /// Rows and columns of the matrix that ``build(_:)`` gives.
    var rows: Int { left.out * out * right.out }
    var columns: Int { left.in * `in` * right.in }
    /// a i b, the order of the normal matrix.
    var order: Int { left.bond * `in` * right.bond }

    init(_ mpo: MPO<Scalar>, core: Int) {
        left = .left(of: core, mpo)
        out = mpo.cores[core].out
        `in` = mpo.cores[core].in
        right = .right(of: core, mpo)
    }

    private var chainShape: [Int] { [left.out, left.in, out, `in`, right.out, right.in] }
    private var matrixShape: [Int] { [left.out, out, right.out, left.in, `in`, right.in] }

    /// The dense matrix of the chain with X in place of the core.
    func build(_ x: [Scalar]) -> [Scalar] {
        var product = x
        if !left.isEnd {
            product = Threaded.product(
                m: left.out * left.in, n: out * `in` * right.bond, k: left.bond, left.values, product)
        }
        if !right.isEnd {
            product = Threaded.product(
                m: left.out * left.in * out * `in`, n: right.out * right.in, k: right.bond, product, right.values)
        }
        return Threaded.reordered(product, shape: chainShape, order: [0, 2, 4, 1, 3, 5])
    }

    /// The adjoint of ``build(_:)``: from a matrix to a core.
    func project(_ matrix: [Scalar]) -> [Scalar] {
        var product = Threaded.reordered(matrix, shape: matrixShape, order: [0, 3, 1, 4, 2, 5])
        if !right.isEnd {
            product = Threaded.product(
                transposeB: true, m: left.out * left.in * out * `in`, n: right.bond, k: right.out * right.in, product,
                right.values)
        }
        if !left.isEnd {
            product = Threaded.product(
                transposeA: true, m: left.bond, n: out * `in` * right.bond, k: left.out * left.in, left.values, product)
        }
        return product
    }
}
