import Kernels

extension MPO {
    /// W^T: out and in of every core swapped.
    package func transposed() -> MPO {
        MPO(
            trusted: layout.transposed,
            cores.map { core in AxisPermutation(shape: core.shape, order: [0, 2, 1, 3])(core.values) })
    }

    /// factor W; the factor goes into the first core.
    package func scaled(by factor: Scalar) -> MPO {
        var values = values
        values[0].withUnsafeMutableBufferPointer { Scalar.scale($0, by: factor) }
        return MPO(trusted: layout, values)
    }

    /// W + V, exactly: bonds add, and each inner core is block-diagonal.
    package func adding(_ other: MPO) throws(TensorTrainError) -> MPO {
        try requireSameFactors(other, operation: "sum")
        if cores.count == 1 {
            var sum = cores[0].values
            Scalar.add(other.cores[0].values, scaledBy: 1, to: &sum, count: sum.count)
            return MPO(trusted: layout, [sum])
        }
        var bonds = zip(layout.bonds, other.layout.bonds).map { $0 + $1 }
        bonds[0] = 1
        bonds[bonds.count - 1] = 1
        let sum = try MPOLayout(outFactors: layout.outFactors, inFactors: layout.inFactors, bonds: bonds)
        let values = cores.indices.map { index in
            var values = [Scalar](repeating: 0, count: sum.coreCount(index))
            Self.place(cores[index], into: &values, right: bonds[index + 1], row: 0, column: 0)
            let first = index == 0
            let last = index == cores.count - 1
            Self.place(
                other.cores[index], into: &values, right: bonds[index + 1], row: first ? 0 : cores[index].left,
                column: last ? 0 : cores[index].right)
            return values
        }
        return MPO(trusted: sum, values)
    }

    /// W - V, exactly; its ``norm()`` is the distance, accurate however close the two are.
    package func subtracting(_ other: MPO) throws(TensorTrainError) -> MPO { try adding(other.scaled(by: -1)) }

    /// Copies a core into a larger one with `right` columns, from a left bond index and a right one on.
    private static func place(_ core: Core<Scalar>, into values: inout [Scalar], right: Int, row: Int, column: Int) {
        let middle = core.out * core.in
        values.withUnsafeMutableBufferPointer { values in
            core.values.withUnsafeBufferPointer { source in
                for line in 0..<core.left * middle {
                    (values.baseAddress! + (row * middle + line) * right + column)
                        .update(from: source.baseAddress! + line * core.right, count: core.right)
                }
            }
        }
    }

    /// The Frobenius inner product: sum over all entries of W V, from left to right over the bonds.
    package func inner(_ other: MPO) throws(TensorTrainError) -> Scalar {
        try requireSameFactors(other, operation: "inner product")
        var environment: [Scalar] = [1]
        for (a, b) in zip(cores, other.cores) {
            let half = LinearAlgebra.product(m: a.left, n: b.rightColumns, k: b.left, environment, b.values)
            environment = LinearAlgebra.product(transposeA: true, m: a.right, n: b.right, k: a.leftRows, a.values, half)
        }
        return environment[0]
    }

    /// ||W||_F, through orthogonal cores: accurate to rounding even for a difference of nearly equal operators.
    package func norm() throws(TensorTrainError) -> Double {
        let last = try leftCanonical().cores[cores.count - 1]
        return last.values.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }.squareRoot()
    }

    /// ||W - V||_F for a dense V, row-major [o, i].
    package func distance(toDense dense: [Scalar]) throws(TensorTrainError) -> Double {
        guard dense.count == layout.denseCount else {
            throw .wrongCount(what: "dense matrix of \(layout)", expected: layout.denseCount, found: dense.count)
        }
        var difference = self.dense()
        Scalar.add(dense, scaledBy: -1, to: &difference, count: dense.count)
        return difference.withUnsafeBufferPointer { Scalar.sumOfSquares($0) }.squareRoot()
    }

    private func requireSameFactors(_ other: MPO, operation: String) throws(TensorTrainError) {
        guard layout.outFactors == other.layout.outFactors, layout.inFactors == other.layout.inFactors else {
            throw .mismatch(operation: operation, left: layout.description, right: other.layout.description)
        }
    }
}
