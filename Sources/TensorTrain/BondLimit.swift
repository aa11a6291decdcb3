/// What decides the bonds of an operator with given factors.
package enum BondLimit: Hashable, Sendable, Codable {
    /// Nothing is cut: r_k = min(o_k i_k r(k-1), product of the later o_l i_l).
    case exact
    /// Every bond is at most this, and at most the exact one.
    case bondDimension(Int)
    /// The parameters are at most this fraction of the dense matrix's. One cap for all bonds, the largest that fits;
    /// for two cores the largest r with r (o1 i1 + o2 i2 - r) <= keep o i. A single core holds the dense matrix, so it needs 1.
    case keep(Double)

    /// All N + 1 bonds for cores whose own indices have these sizes o_k i_k.
    func bonds(products: [Int]) throws(TensorTrainError) -> [Int] {
        switch self {
        case .exact:
            return Self.uniform(cap: .max, products: products)
        case .bondDimension(let cap):
            guard cap >= 1 else { throw .badBonds("the bond dimension must be at least 1, found \(cap)") }
            return Self.uniform(cap: cap, products: products)
        case .keep(let keep):
            return try Self.largest(keep: keep, products: products)
        }
    }

    /// The bonds under one cap: r_k = min(cap, o_k i_k r(k-1), product of the later o_l i_l).
    static func uniform(cap: Int, products: [Int]) -> [Int] {
        var later = products.reduce(1, *)
        var bonds = [1]
        for product in products {
            later /= product
            let (exact, overflow) = product.multipliedReportingOverflow(by: bonds.last!)
            bonds.append(min(cap, overflow ? .max : exact, later))
        }
        return bonds
    }

    private static func largest(keep: Double, products: [Int]) throws(TensorTrainError) -> [Int] {
        guard keep > 0, keep.isFinite else { throw .outOfRange("keep must be a positive fraction, found \(keep)") }
        let dense = Double(products.reduce(1, *))
        func count(_ bonds: [Int]) -> Double {
            zip(products.indices, products).reduce(1) { sum, core in
                let (left, right) = (Double(bonds[core.0]), Double(bonds[core.0 + 1]))
                return sum + left * Double(core.1) * right - right * right
            }
        }
        func fits(_ cap: Int) -> Bool { count(uniform(cap: cap, products: products)) <= keep * dense }
        guard fits(1) else {
            throw .budgetTooSmall(keep: keep, smallest: count(uniform(cap: 1, products: products)) / dense)
        }
        // Each bond rises with the cap, so the count does as long as bonds are no wider than the exact ones, and bisection finds the largest cap that fits.
        var low = 1
        var high = uniform(cap: .max, products: products).max()! + 1
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if fits(middle) { low = middle } else { high = middle }
        }
        return uniform(cap: low, products: products)
    }
}
