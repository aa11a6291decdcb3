import Foundation

extension MPOLayout {
    /// A layout with chosen factors for a matrix of `out` rows and `in` columns.
    ///
    /// Of all ways to split `out` and `in` into `cores` factors each, the one with
    /// 1. the products o_k i_k as equal as possible (least sum of squares of ln(o_k i_k) around its mean), since at a
    ///    given count of parameters equal products allow the widest bonds; among those
    /// 2. the factors o_k, and the factors i_k, as equal as possible, in the same sense.
    ///
    /// The cores with the largest products stand outside and the smallest in the middle, because an inner core pays for
    /// two bonds. Of two ends the left is the larger, then the one with the larger o_k. Factors of 1 are allowed: a
    /// prime goes to one core whole.
    package static func balanced(
        out: Int, in input: Int, cores: Int, limit: BondLimit = .exact
    ) throws(TensorTrainError) -> MPOLayout {
        let factors = try balancedFactors(out: out, in: input, cores: cores)
        return try MPOLayout(outFactors: factors.map(\.out), inFactors: factors.map(\.in), limit: limit)
    }

    /// The two-core layout with o2 = i1 = `inner`: legs (out / inner, inner) and (inner, in / inner).
    ///
    /// Inner 1 is the plain low-rank factorisation W = A B. Small inner legs make contraction core by core cheap: about
    /// `inner` times the kept fraction of the dense product.
    package static func lopsided(
        out: Int, in input: Int, inner: Int, limit: BondLimit = .exact
    ) throws(TensorTrainError) -> MPOLayout {
        guard inner >= 1, out >= 1, input >= 1, out.isMultiple(of: inner), input.isMultiple(of: inner) else {
            throw .badFactors("the inner factor \(inner) must divide both \(out) rows and \(input) columns")
        }
        return try MPOLayout(outFactors: [out / inner, inner], inFactors: [inner, input / inner], limit: limit)
    }

    private static func balancedFactors(
        out: Int, in input: Int, cores: Int
    ) throws(TensorTrainError) -> [CoreFactors] {
        guard cores >= 1 else { throw .badFactors("an operator needs at least one core, found \(cores)") }
        guard out >= 1, input >= 1 else { throw .badFactors("a matrix of \(out) x \(input) has no factors") }
        guard cores <= 16, out <= 1 << 31, input <= 1 << 31 else {
            throw .badFactors("\(out) x \(input) over \(cores) cores: at most 16 cores and 2^31 rows or columns")
        }
        var search = FactorSearch(out: out, in: input, cores: cores)
        let factors = search.best().sorted { ($0.product, $0.out) > ($1.product, $1.out) }
        // Largest outside: 1st, 3rd, 5th.. from the left, 2nd, 4th.. from the right.
        let left = factors.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        let right = factors.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
        return left + right.reversed()
    }
}

/// o_k and i_k of one core.
private struct CoreFactors {
    var out: Int
    var `in`: Int
    var product: Int { out * `in` }
}

/// An exact search over divisors: the cost is a sum over cores, so the best split of what remains does not depend on
/// how the earlier cores were chosen.
private struct FactorSearch {
    /// Unevenness of the products, then of the factors; compared in this order. Fixed point, so that equal sums of
    /// equal terms are equal in any order and ties break the same way everywhere.
    private struct Cost: Comparable {
        var products: Int
        var factors: Int
        static func < (a: Cost, b: Cost) -> Bool { (a.products, a.factors) < (b.products, b.factors) }
        static func + (a: Cost, b: Cost) -> Cost {
            Cost(products: a.products + b.products, factors: a.factors + b.factors)
        }
    }

    private struct Remaining: Hashable {
        var out: Int
        var `in`: Int
        var cores: Int
    }

    private let whole: Remaining
    private let outMean: Double
    private let inMean: Double
    private var known: [Remaining: (cost: Cost, first: CoreFactors)] = [:]
    private var divisorsOf: [Int: [Int]] = [:]

    init(out: Int, in input: Int, cores: Int) {
        whole = Remaining(out: out, in: input, cores: cores)
        outMean = log(Double(out)) / Double(cores)
        inMean = log(Double(input)) / Double(cores)
    }

    mutating func best() -> [CoreFactors] {
        _ = solve(whole)
        var rest = whole
        var factors: [CoreFactors] = []
        while rest.cores > 0 {
            let first = rest.cores == 1 ? CoreFactors(out: rest.out, in: rest.in) : known[rest]!.first
            factors.append(first)
            rest = Remaining(out: rest.out / first.out, in: rest.in / first.in, cores: rest.cores - 1)
        }
        return factors
    }

    private mutating func solve(_ rest: Remaining) -> Cost {
        if rest.cores == 1 { return cost(CoreFactors(out: rest.out, in: rest.in)) }
        if let answer = known[rest] { return answer.cost }
        var best: (cost: Cost, first: CoreFactors)?
        for out in divisors(rest.out) {
            for input in divisors(rest.in) {
                let first = CoreFactors(out: out, in: input)
                let here = cost(first)
                if let best, here > best.cost { continue }
                let total = here + solve(Remaining(out: rest.out / out, in: rest.in / input, cores: rest.cores - 1))
                if best == nil || total < best!.cost { best = (total, first) }
            }
        }
        known[rest] = best!
        return best!.cost
    }

    private func cost(_ factors: CoreFactors) -> Cost {
        func squared(_ x: Double) -> Int { Int((x * x * 1e9).rounded()) }
        let out = log(Double(factors.out)) - outMean
        let input = log(Double(factors.in)) - inMean
        return Cost(
            products: squared(log(Double(factors.product)) - outMean - inMean),
            factors: squared(out) + squared(input))
    }

    private mutating func divisors(_ number: Int) -> [Int] {
        if let known = divisorsOf[number] { return known }
        var low: [Int] = []
        var high: [Int] = []
        var candidate = 1
        while candidate * candidate <= number {
            if number.isMultiple(of: candidate) {
                low.append(candidate)
                if candidate * candidate != number { high.append(number / candidate) }
            }
            candidate += 1
        }
        let all = low + high.reversed()
        divisorsOf[number] = all
        return all
    }
}
