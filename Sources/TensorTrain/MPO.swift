import Kernels

/// A Matrix Product Operator: a matrix W [o, i] as a chain of cores,
/// W[(o1..oN), (i1..iN)] = sum over bonds of A1[1, o1, i1, r1] A2[r1, o2, i2, r2] ... AN[r(N-1), oN, iN, 1].
///
/// A value: operations return a new operator. See `docs/mpo.md`.
package struct MPO<Scalar: LinearAlgebraScalar>: Equatable, Sendable {
    package let layout: MPOLayout
    /// Core k, row-major [r(k-1), o_k, i_k, r_k].
    package let cores: [Core<Scalar>]

    /// An operator from its cores' values, which must fit the layout.
    package init(layout: MPOLayout, values: [[Scalar]]) throws(TensorTrainError) {
        guard values.count == layout.cores else {
            throw .wrongCount(what: "cores of \(layout)", expected: layout.cores, found: values.count)
        }
        for core in values.indices where values[core].count != layout.coreCount(core) {
            throw .wrongCount(
                what: "core \(core + 1) of \(layout), shape \(layout.coreShape(core))",
                expected: layout.coreCount(core), found: values[core].count)
        }
        self.init(trusted: layout, values)
    }

    /// Values that this module has made for this layout.
    init(trusted layout: MPOLayout, _ values: [[Scalar]]) {
        self.layout = layout
        cores = values.enumerated().map { index, values in
            Core(
                left: layout.bonds[index], out: layout.outFactors[index], in: layout.inFactors[index],
                right: layout.bonds[index + 1], values: values)
        }
    }

    /// The zero operator.
    package static func zero(_ layout: MPOLayout) -> MPO {
        MPO(trusted: layout, (0..<layout.cores).map { [Scalar](repeating: 0, count: layout.coreCount($0)) })
    }

    /// The values of each core, row-major.
    package var values: [[Scalar]] { cores.map(\.values) }

    /// The same operator at another precision, each value rounded to nearest.
    package func converted<Other: LinearAlgebraScalar>(to: Other.Type) -> MPO<Other> {
        MPO<Other>(trusted: layout, cores.map { core in convert(core.values) })
    }

    private func convert<Other: LinearAlgebraScalar>(_ values: [Scalar]) -> [Other] {
        var wide = [Double](repeating: 0, count: values.count)
        var result = [Other](repeating: 0, count: values.count)
        Scalar.widen(values, to: &wide, count: values.count)
        Other.narrow(wide, to: &result, count: values.count)
        return result
    }
}

/// One core of an operator.
///
/// ```
///      out
///       │
///  left─[A]─right      row-major [left, out, in, right]
///       │
///       in
/// ```
package struct Core<Scalar: LinearAlgebraScalar>: Equatable, Sendable {
    /// r(k-1).
    package let left: Int
    /// o_k.
    package let out: Int
    /// i_k.
    package let `in`: Int
    /// r_k.
    package let right: Int
    package let values: [Scalar]

    init(left: Int, out: Int, in input: Int, right: Int, values: [Scalar]) {
        precondition(
            values.count == left * out * input * right,
            "core [\(left), \(out), \(input), \(right)]: \(values.count) values")
        self.left = left
        self.out = out
        self.in = input
        self.right = right
        self.values = values
    }

    /// [left, out, in, right].
    package var shape: [Int] { [left, out, `in`, right] }
    /// left out in: the rows of the core unfolded to the right bond.
    var leftRows: Int { left * out * `in` }
    /// out in right: the columns of the core unfolded to the left bond.
    var rightColumns: Int { out * `in` * right }
}
