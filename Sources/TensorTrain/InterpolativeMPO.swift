import Kernels

/// An operator without the numbers that its gauge leaves free: what is stored of it.
///
/// A_k G and G^-1 A_(k+1) are the same operator for every invertible G [r_k, r_k]. Here G is what makes A_(k+1), unfolded to its left bond [r_k, o i r_(k+1)], the
/// unit matrix at r_k of its columns, the pivots. Those columns need not be kept, so r_k^2 numbers less at each bond:
/// the dimension of the manifold of such operators (Holtz, Rohwedder and Schneider 2012). Two cores with legs (o, 1), (1, i) are then r columns of the matrix
/// itself, and the other columns as their combinations (an interpolative decomposition).
package struct InterpolativeMPO<Scalar: LinearAlgebraScalar>: Sendable {
    package let layout: MPOLayout
    /// Of cores 2..N, rising; none for the whole operator where its layout has bonds beyond the exact ones.
    package let pivots: [[Int]]
    /// The first core whole, of each other one its columns that are no pivots, row-major [r(k-1), o_k i_k r_k - r(k-1)].
    package let values: [[Scalar]]

    /// Computed in double precision, from the last core to the first, and rounded once.
    package init(_ mpo: MPO<Scalar>) throws(TensorTrainError) {
        layout = mpo.layout
        guard layout.hasFreeGauge else {
            (pivots, values) = ([], mpo.values)
            return
        }
        var cores = mpo.converted(to: Double.self).values
        var pivots: [[Int]] = []
        for k in (1..<layout.cores).reversed() {
            let bond = layout.bonds[k], columns = layout.coreCount(k) / bond, core = cores[k]
            let found = try wrapping { () throws(LinearAlgebraError) in try LinearAlgebra.interpolation(core, rows: bond, columns: columns) }
            let square = (0..<bond).flatMap { row in found.pivots.map { core[row * columns + $0] } }
            cores[k - 1] = LinearAlgebra.product(m: layout.coreCount(k - 1) / bond, n: bond, k: bond, cores[k - 1], square)
            cores[k] = found.coefficients
            pivots.insert(found.pivots, at: 0)
        }
        self.pivots = pivots
        values = cores.map { core in
            var narrow = [Scalar](repeating: 0, count: core.count)
            Scalar.narrow(core, to: &narrow, count: core.count)
            return narrow
        }
    }

    /// Core k as a tensor [r(k-1), o_k, i_k, r_k] from what is kept of it.
    package static func core(_ kept: [Scalar], _ k: Int, _ layout: MPOLayout, pivots: [Int]) -> [Scalar] {
        let bond = layout.bonds[k], columns = layout.coreCount(k) / bond, others = columns - bond
        precondition(pivots.count == bond && kept.count == bond * others, "core \(k + 1) of \(layout): \(pivots.count) pivots, \(kept.count) values")
        let isPivot = Set(pivots), rest = (0..<columns).filter { !isPivot.contains($0) }
        var core = [Scalar](repeating: 0, count: bond * columns)
        for row in 0..<bond {
            core[row * columns + pivots[row]] = 1
            for (place, column) in rest.enumerated() { core[row * columns + column] = kept[row * others + place] }
        }
        return core
    }

    /// The operator with whole cores.
    package var mpo: MPO<Scalar> {
        if pivots.isEmpty { return MPO(trusted: layout, values) }
        return MPO(trusted: layout, values.indices.map { $0 == 0 ? values[0] : Self.core(values[$0], $0, layout, pivots: pivots[$0 - 1]) })
    }
}
