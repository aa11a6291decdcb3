import Kernels

/// What an operator W' is fitted to: minimise E|y - W' z|^2 for outputs y of the original layer, or what they should be, and inputs z of the compressed one.
///
/// With C = E[z z^T] and T = E[y z^T] C^-1 this is tr((T - W') C (T - W')^T) plus a constant, so one pair (T, C) covers both
/// cases; when the inputs are the same, T = W and the constant is 0. See `docs/fitting.md`.
package struct FitProblem<Scalar: LinearAlgebraScalar>: Sendable {
    /// o.
    package let rows: Int
    /// i.
    package let columns: Int
    /// T, row-major [o, i].
    package let target: [Scalar]
    /// C, row-major [i, i], symmetric.
    package let moment: [Scalar]
    /// E|y|^2, what errors are relative to.
    package let scale: Double
    /// E|y|^2 - E|T z|^2: what no matrix of this shape can avoid.
    package let irreducible: Double
    /// Whether every input is 0. Then all operators give the same, every error is 0, and what is decomposed is the matrix itself: T = W and C the identity, as for TT-SVD.
    package let isBlind: Bool

    /// The same inputs in both models: T = W.
    ///
    /// - Parameters:
    ///   - weight: W, row-major [o, i].
    ///   - shrinkage: see ``SecondMoment/matrix(shrinkage:as:)``.
    package init(weight: [Scalar], moment: SecondMoment, shrinkage: Double = 0) throws(TensorTrainError) {
        try self.init(weight: weight, matrix: moment.matrix(shrinkage: shrinkage), columns: moment.width)
    }

    /// The same inputs in both models, with C as a matrix.
    package init(weight: [Scalar], matrix: [Scalar], columns: Int) throws(TensorTrainError) {
        try Self.require(weight, columns: columns)
        precondition(matrix.count == columns * columns, "\(matrix.count) values for a moment of width \(columns)")
        rows = weight.count / columns
        self.columns = columns
        target = weight
        isBlind = (0..<columns).allSatisfy { Double(matrix[$0 * (columns + 1)]) < Self.leastSquare }
        moment = isBlind ? Scalar.converted(WeightedTrace.identity(columns)) : matrix
        scale = isBlind ? 0 : Self.energy(weight, moment, rows: rows, columns: columns)
        irreducible = 0
    }

    /// Mean squares of inputs below this are none: their products vanish in single precision.
    private static var leastSquare: Double { Double(Float.leastNormalMagnitude) }

    /// Inputs that are all 0.
    private init(blind weight: [Scalar], columns: Int) throws(TensorTrainError) {
        try self.init(weight: weight, matrix: [Scalar](repeating: 0, count: columns * columns), columns: columns)
    }

    /// Inputs that differ: the target makes up for what the layers before this one lost.
    package init(weight: [Scalar], inputs: CrossMoment, shrinkage: Double = 0) throws(TensorTrainError) {
        try Self.require(weight, columns: inputs.width)
        guard !(inputs.student.meanSquare < Self.leastSquare) else {
            try self.init(blind: weight, columns: inputs.width)
            return
        }
        let columns = inputs.width, rows = weight.count / columns
        let wide = Double.converted(weight)
        try self.init(shrinkage: shrinkage) { (shrinkage) throws(TensorTrainError) in
            let original: [Double] = try inputs.original.matrix(shrinkage: shrinkage)
            return Aim(
                crossed: Threaded.product(m: rows, n: columns, k: columns, wide, inputs.matrix(shrinkage: shrinkage)),
                student: try inputs.student.matrix(shrinkage: shrinkage),
                energy: FitProblem<Double>.energy(wide, original, rows: rows, columns: columns))
        }
    }

    /// An output that is added to a stream: it makes up for what the stream has lost, too.
    ///
    /// - Parameters:
    ///   - weight: W, which white noise goes through: it is the same in both models.
    package init(weight: [Scalar], stream: StreamMoment, shrinkage: Double = 0) throws(TensorTrainError) {
        precondition(weight.count == stream.rows * stream.columns, "\(weight.count) values for a matrix [\(stream.rows), \(stream.columns)]")
        try Self.require(weight, columns: stream.columns)
        guard !(stream.student.meanSquare < Self.leastSquare) else {
            try self.init(blind: weight, columns: stream.columns)
            return
        }
        let wide = Double.converted(weight)
        try self.init(shrinkage: shrinkage) { (shrinkage) throws(TensorTrainError) in
            let student: [Double] = try stream.student.matrix(shrinkage: shrinkage)
            let share = (1 - shrinkage) / Double(stream.tokens), noise = shrinkage * stream.student.meanSquare
            var crossed = stream.sum
            crossed.withUnsafeMutableBufferPointer { Double.scale($0, by: share) }
            Double.add(wide, scaledBy: noise, to: &crossed, count: crossed.count)
            return Aim(crossed: crossed, student: student, energy: share * stream.squares.reduce(0, +) + noise * dot(wide, wide))
        }
    }

    /// What a target is solved from.
    private struct Aim {
        /// E[y z^T], row-major [o, i].
        var crossed: [Double]
        /// C, row-major [i, i].
        var student: [Double]
        /// E|y|^2.
        var energy: Double
    }

    /// Shares of white noise to try where the inputs do not span their space, so that the one asked for settles no target.
    private static var moreNoise: [Double] { [1e-4, 1e-3, 1e-2, 0.1, 1] }

    /// The problem with the share of white noise that is asked for, or with the least of ``moreNoise`` that settles the target.
    private init(shrinkage: Double, _ aim: (Double) throws(TensorTrainError) -> Aim) throws(TensorTrainError) {
        for noise in [shrinkage] + Self.moreNoise where noise >= shrinkage {
            do {
                self = try FitProblem(try aim(noise))
                return
            } catch .linearAlgebra(.notPositiveDefinite) where noise < 1 {}
        }
        preconditionFailure("the loop ends with white noise alone")
    }

    private init(_ aim: Aim) throws(TensorTrainError) {
        let columns = Int(Double(aim.student.count).squareRoot().rounded()), rows = aim.crossed.count / columns
        let solved = try wrapping { () throws(LinearAlgebraError) in
            try Cholesky(aim.student, order: columns).solve(rows: aim.crossed, count: rows)
        }
        // E|T z|^2 = tr(T C T^T) = tr(T E[y z^T]^T), as T C is E[y z^T].
        let reached = dot(solved, aim.crossed)
        self.rows = rows
        self.columns = columns
        target = Scalar.converted(solved)
        moment = Scalar.converted(aim.student)
        scale = max(aim.energy, 0)
        irreducible = max(aim.energy - reached, 0)
        isBlind = false
    }

    /// The relative output error, E|W x - W' z|^2 / E|W x|^2: tr((T - W') C (T - W')^T) / tr(W C W^T) for equal inputs; 0 where W x
    /// is always 0.
    package func relativeError(of dense: [Scalar]) -> Double {
        relative(Self.energy(difference(dense), moment, rows: rows, columns: columns))
    }

    /// The relative output error of an operator.
    package func relativeError(of mpo: MPO<Scalar>) -> Double { relativeError(of: mpo.dense()) }

    /// (T - W') C and the relative output error.
    ///
    /// - Parameter weighted: the first where it is known.
    func residual(of dense: [Scalar], weighted known: [Scalar]? = nil) -> (weighted: [Scalar], relativeError: Double) {
        let difference = difference(dense)
        let weighted = known ?? Threaded.product(m: rows, n: columns, k: columns, difference, moment)
        return (weighted, relative(max(dot(difference, weighted), 0)))
    }

    /// T - W'.
    private func difference(_ dense: [Scalar]) -> [Scalar] {
        precondition(dense.count == target.count, "\(dense.count) values for [\(rows), \(columns)]")
        var difference = dense
        difference.withUnsafeMutableBufferPointer { Scalar.scale($0, by: -1) }
        Scalar.add(target, scaledBy: 1, to: &difference, count: difference.count)
        return difference
    }

    private func relative(_ square: Double) -> Double { scale > 0 ? (square + irreducible) / scale : 0 }

    /// The squared singular values of T C^(1/2), largest first: with the first r of them kept, the best matrix of rank r loses the sum of the others. All 0 where
    /// the inputs are.
    package func squaredSingularValues() throws(TensorTrainError) -> [Double] {
        if isBlind { return [Double](repeating: 0, count: min(rows, columns)) }
        return try wrapping { () throws(LinearAlgebraError) in
            let gram: [Scalar]
            if rows <= columns {
                gram = Threaded.product(transposeB: true, m: rows, n: rows, k: columns, Threaded.product(m: rows, n: columns, k: columns, target, moment), target)
            } else {
                let factor = Scalar.converted(try Cholesky(moment: Double.converted(moment), order: columns).lower)
                let half = Threaded.product(m: rows, n: columns, k: columns, target, factor)
                gram = Threaded.product(transposeA: true, m: columns, n: columns, k: rows, half, half)
            }
            return try LinearAlgebra.symmetricEigenvalues(Double.converted(gram), order: min(rows, columns)).reversed().map { max($0, 0) }
        }
    }

    /// tr(A C A^T): what lies above the diagonal of C counts twice, so that half of the product is enough.
    private static func energy(_ a: [Scalar], _ c: [Scalar], rows: Int, columns: Int) -> Double {
        let block = max(512, (columns + 7) / 8)
        var sum = 0.0
        for first in stride(from: 0, to: columns, by: block) {
            let width = min(block, columns - first)
            sum += 2 * inner(a, c, rows: rows, columns: columns, 0..<first, first..<first + width)
            sum += inner(a, c, rows: rows, columns: columns, first..<first + width, first..<first + width)
        }
        return max(sum, 0)
    }

    /// tr(A_k C_kn A_n^T) for two ranges of columns.
    private static func inner(
        _ a: [Scalar], _ c: [Scalar], rows: Int, columns: Int, _ k: Range<Int>, _ n: Range<Int>
    ) -> Double {
        if k.isEmpty { return 0 }
        let type = Threaded.dtype(Scalar.self)
        return a.withUnsafeBufferPointer { a in
            c.withUnsafeBufferPointer { c in
                let product: [Scalar] = Threaded.filled(rows * n.count) { result in
                    GEMM.run(
                        m: rows, n: n.count, k: k.count, GEMM.Operand(a.baseAddress! + k.lowerBound, stride: columns, transposed: false),
                        GEMM.Operand(c.baseAddress! + k.lowerBound * columns + n.lowerBound, stride: columns, transposed: false),
                        inputs: type, into: result, stride: n.count, output: type)
                }
                return product.withUnsafeBufferPointer { product in
                    (0..<rows).reduce(0) {
                        $0 + Scalar.dot(a.baseAddress! + $1 * columns + n.lowerBound, product.baseAddress! + $1 * n.count, count: n.count)
                    }
                }
            }
        }
    }

    private static func require(_ weight: [Scalar], columns: Int) throws(TensorTrainError) {
        guard columns > 0, !weight.isEmpty, weight.count.isMultiple(of: columns) else {
            throw .wrongCount(what: "weight with \(columns) columns", expected: columns, found: weight.count)
        }
        try wrapping { () throws(LinearAlgebraError) in
            try LinearAlgebra.requireFinite(weight, rows: weight.count / columns, columns: columns, routine: "fitting")
        }
    }
}
