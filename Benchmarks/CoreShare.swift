import TensorTrain

extension MPOLayout {
    /// The layout with the widest bonds at which cores have that share of the dense matrix's numbers.
    ///
    /// What cores cost to multiply with and to train goes by their numbers, of which `keep` counts only those that the gauge does not leave free:
    /// two cores with half of the numbers of a square matrix keep 44 % of its parameters.
    static func holding(_ share: Double, _ make: (BondLimit) throws -> MPOLayout) throws -> MPOLayout {
        let most = try make(.exact)
        var low = 1, high = most.bonds.max()! + 1
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if Double(try make(.bondDimension(middle)).coreTotal) <= share * Double(most.denseCount) { low = middle } else { high = middle }
        }
        return try make(.bondDimension(low))
    }
}
