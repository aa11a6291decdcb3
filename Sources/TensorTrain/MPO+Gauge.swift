import Kernels

extension MPO {
    /// The same operator in another gauge. Bonds may shrink to what the neighbouring factors span.
    package func regauged(_ gauge: Gauge) throws(TensorTrainError) -> MPO {
        try leftCanonical().regauged(gauge, lastBond: nil)
    }

    /// From cores whose first ones are left-isometric to a gauge.
    ///
    /// - Parameters:
    ///   - isometry: which side of the last bond is isometric.
    ///   - lastBond: the norms of the other side's vectors, when these are orthogonal: then two cores are balanced by scaling alone.
    func regauged(_ gauge: Gauge, isometry: MatrixSplit<Scalar>.Side = .left, lastBond: [Double]?) throws(TensorTrainError) -> MPO {
        if cores.count == 2, gauge == .balanced, let lastBond {
            let roots = Self.roots(lastBond), inverse = roots.map { 1 / $0 }
            var values = values
            scaleColumns(&values[0], by: isometry == .left ? roots : inverse, rows: cores[0].leftRows)
            scaleRows(&values[1], by: isometry == .left ? inverse : roots, columns: cores[1].rightColumns)
            return MPO(trusted: layout, values)
        }
        switch gauge {
        case .left: return isometry == .left ? self : try leftCanonical()
        case .right: return try rightCanonical()
        case .balanced:
            if cores.count == 1 { return self }
            return try (isometry == .left ? self : try leftCanonical()).balanced()
        }
    }

    /// Sweeps from the right with singular value decompositions, which leaves right-isometric cores V_k and the singular
    /// values s_k of every bond; then core k is s(k-1)^(1/2) V_k s_k^(-1/2).
    private func balanced() throws(TensorTrainError) -> MPO {
        var values = values
        var bonds = layout.bonds
        var roots = [[Scalar]](repeating: [1], count: cores.count + 1)
        for index in (1..<cores.count).reversed() {
            let columns = layout.products[index] * bonds[index + 1]
            let svd = try wrapping { () throws(LinearAlgebraError) in
                try LinearAlgebra.svd(values[index], rows: bonds[index], columns: columns)
            }
            let rank = svd.singularValues.count
            var weighted = svd.u
            scaleColumns(&weighted, by: svd.singularValues, rows: bonds[index])
            values[index] = svd.vTransposed
            values[index - 1] = LinearAlgebra.product(
                m: bonds[index - 1] * layout.products[index - 1], n: rank, k: bonds[index], values[index - 1], weighted)
            bonds[index] = rank
            roots[index] = Self.roots(svd.singularValues.map { Double($0) })
        }
        for index in cores.indices {
            if index > 0 {
                scaleRows(&values[index], by: roots[index], columns: layout.products[index] * bonds[index + 1])
            }
            if index < cores.count - 1 {
                scaleColumns(
                    &values[index], by: roots[index + 1].map { 1 / $0 }, rows: bonds[index] * layout.products[index])
            }
        }
        return MPO(trusted: layout.with(bonds: bonds), values)
    }

    /// Square roots of singular values, floored at the precision: the same root multiplies one core and divides the
    /// other, so any positive number keeps the product.
    private static func roots(_ singularValues: [Double]) -> [Scalar] {
        let largest = singularValues.max() ?? 0
        let floor = largest > 0 ? largest * Double(Scalar.ulpOfOne) : 1
        return singularValues.map { Scalar(max($0, floor).squareRoot()) }
    }
}

/// x[row, column] *= factors[column].
private func scaleColumns<Scalar: LinearAlgebraScalar>(_ values: inout [Scalar], by factors: [Scalar], rows: Int) {
    values.withUnsafeMutableBufferPointer { values in
        factors.withUnsafeBufferPointer { factors in
            for row in 0..<rows {
                Scalar.multiply(
                    values.baseAddress! + row * factors.count, by: factors.baseAddress!, count: factors.count)
            }
        }
    }
}
