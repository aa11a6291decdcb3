/// The shape of a Matrix Product Operator: how rows and columns split into factors, and how wide the bonds are.
///
/// ```
///      o1        o2              oN        W [o, i] = W[(o1..oN), (i1..iN)], o = o1 o2..oN, i = i1 i2..iN
///      │         │               │         core k is A_k [r(k-1), o_k, i_k, r_k], r0 = rN = 1
///  ───[A1]──r1──[A2]──r2─ ... ──[AN]───    parameters: sum over cores of r(k-1) o_k i_k r_k, less r_k^2
///      │         │               │                       for each inner bond, which the gauge leaves free
///      i1        i2              iN
/// ```
package struct MPOLayout: Hashable, Sendable {
    /// o1..oN; their product is the number of rows.
    package let outFactors: [Int]
    /// i1..iN; their product is the number of columns.
    package let inFactors: [Int]
    /// r0..rN, one more than there are cores; the first and the last are 1.
    package let bonds: [Int]

    /// A layout with every bond given.
    ///
    /// - Parameter bonds: all N + 1 of them. They may exceed the exact ones: a sum of two operators has such bonds.
    package init(outFactors: [Int], inFactors: [Int], bonds: [Int]) throws(TensorTrainError) {
        try Self.validate(outFactors: outFactors, inFactors: inFactors)
        guard bonds.count == outFactors.count + 1 else {
            throw .badBonds("\(outFactors.count) cores need \(outFactors.count + 1) bonds, found \(bonds.count): \(bonds)")
        }
        guard bonds.first == 1, bonds.last == 1 else {
            throw .badBonds("the first and the last bond must be 1: \(bonds)")
        }
        guard bonds.allSatisfy({ $0 >= 1 }) else { throw .badBonds("bonds must be positive: \(bonds)") }
        self.outFactors = outFactors
        self.inFactors = inFactors
        self.bonds = bonds
        // Everything derived below multiplies without checks, so the totals must fit here once.
        var total = 0
        for core in outFactors.indices {
            let factors = [bonds[core], outFactors[core], inFactors[core], bonds[core + 1]]
            guard let count = checkedProduct(factors) else {
                throw .badBonds("core \(core + 1) of shape \(factors) is too large")
            }
            let (sum, overflow) = total.addingReportingOverflow(count)
            guard !overflow, sum <= largestCount else { throw .badBonds("bonds \(bonds) give too many parameters") }
            total = sum
        }
    }

    /// A layout with bonds that follow from a limit.
    package init(outFactors: [Int], inFactors: [Int], limit: BondLimit = .exact) throws(TensorTrainError) {
        try Self.validate(outFactors: outFactors, inFactors: inFactors)
        try self.init(
            outFactors: outFactors, inFactors: inFactors,
            bonds: limit.bonds(products: zip(outFactors, inFactors).map { $0 * $1 }))
    }

    /// Throws unless the factors multiply to a matrix of `out` rows and `in` columns.
    package func requireMatrix(out: Int, in input: Int) throws(TensorTrainError) {
        guard rows == out else {
            throw .badFactors("the out factors \(outFactors) multiply to \(rows), but the matrix has \(out) rows")
        }
        guard columns == input else {
            throw .badFactors("the in factors \(inFactors) multiply to \(columns), but the matrix has \(input) columns")
        }
    }

    private static func validate(outFactors: [Int], inFactors: [Int]) throws(TensorTrainError) {
        guard !outFactors.isEmpty else { throw .badFactors("an operator needs at least one core, so at least one factor") }
        guard outFactors.count == inFactors.count else {
            throw .badFactors(
                "\(outFactors.count) out factors \(outFactors) but \(inFactors.count) in factors \(inFactors): each core needs one of both"
            )
        }
        for (name, factors) in [("out", outFactors), ("in", inFactors)] {
            guard factors.allSatisfy({ $0 >= 1 }) else {
                throw .badFactors("the \(name) factors must be positive: \(factors)")
            }
        }
        guard checkedProduct(outFactors + inFactors) != nil else {
            throw .badFactors("the factors \(outFactors) x \(inFactors) multiply to a matrix that is too large")
        }
    }
}

/// More elements than any machine holds; products up to here leave room for arithmetic in `Int`.
private let largestCount = 1 << 48

/// The product of positive numbers, or nil when it exceeds ``largestCount``.
private func checkedProduct(_ numbers: [Int]) -> Int? {
    var product = 1
    for number in numbers {
        let (next, overflow) = product.multipliedReportingOverflow(by: number)
        guard !overflow, next <= largestCount else { return nil }
        product = next
    }
    return product
}

extension MPOLayout {
    /// N.
    package var cores: Int { outFactors.count }
    /// o, the rows of the dense matrix.
    package var rows: Int { outFactors.reduce(1, *) }
    /// i, the columns of the dense matrix.
    package var columns: Int { inFactors.reduce(1, *) }
    /// o_k i_k, the unfolded size of each core's own indices.
    package var products: [Int] { zip(outFactors, inFactors).map { $0 * $1 } }
    /// o i, the parameters of the dense matrix.
    package var denseCount: Int { rows * columns }
    /// [r(k-1), o_k, i_k, r_k] for core k, counted from zero.
    package func coreShape(_ core: Int) -> [Int] {
        [bonds[core], outFactors[core], inFactors[core], bonds[core + 1]]
    }
    /// r(k-1) o_k i_k r_k, counted from zero.
    package func coreCount(_ core: Int) -> Int { coreShape(core).reduce(1, *) }
    /// The numbers in the cores: the sum of r(k-1) o_k i_k r_k.
    package var coreTotal: Int { (0..<cores).reduce(0) { $0 + coreCount($1) } }
    /// Whether at every bond r_k^2 numbers can be chosen at will: A_k G and G^-1 A_(k+1) are the same operator for every invertible G. Bonds beyond the exact ones
    /// leave more than that free, and are not counted so.
    package var hasFreeGauge: Bool { zip(bonds, exactBonds).allSatisfy { $0 <= $1 } }
    /// The sum over inner bonds of r_k^2.
    private var gaugeCount: Int { hasFreeGauge ? bonds.dropFirst().dropLast().reduce(0) { $0 + $1 * $1 } : 0 }
    /// What it takes to store the operator (`InterpolativeMPO`): the numbers in the cores without those that are free.
    package var parameterCount: Int { coreTotal - gaugeCount }
    /// Parameters as a fraction of the dense matrix's.
    package var keptFraction: Double { Double(parameterCount) / Double(denseCount) }
    /// The bonds that lose nothing: r_k = min(o_k i_k r(k-1), product of the later o_l i_l).
    package var exactBonds: [Int] { BondLimit.uniform(cap: .max, products: products) }
    /// The layout with out and in swapped: that of the transposed matrix.
    package var transposed: MPOLayout { MPOLayout(trusted: inFactors, outFactors, bonds) }
    /// The same factors with other bonds, which the caller has derived from valid ones.
    func with(bonds: [Int]) -> MPOLayout { MPOLayout(trusted: outFactors, inFactors, bonds) }

    private init(trusted outFactors: [Int], _ inFactors: [Int], _ bonds: [Int]) {
        self.outFactors = outFactors
        self.inFactors = inFactors
        self.bonds = bonds
    }
}

extension MPOLayout: CustomStringConvertible {
    /// Such as `576x1536 = (24x32)-[188]-(24x48)`.
    package var description: String {
        var text = "\(rows)x\(columns) = "
        for core in 0..<cores {
            if core > 0 { text += "-[\(bonds[core])]-" }
            text += "(\(outFactors[core])x\(inFactors[core]))"
        }
        return text
    }
}
