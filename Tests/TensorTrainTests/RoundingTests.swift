import Testing

@testable import TensorTrain

@Suite struct RoundingTests {
    @Test func capsAndErrorsHold() throws {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 1)
            let dense = Naive.dense(mpo)
            for cap in 1...4 {
                for gauge in Gauge.allCases {
                    let result = try mpo.rounded(to: .bondDimension(cap), gauge: gauge)
                    let distance = Naive.distance(Naive.dense(result.mpo), dense)
                    #expect(result.mpo.layout.bonds.allSatisfy { $0 <= cap }, "\(layout), cap \(cap)")
                    #expect(distance <= result.truncation.bound, "\(layout), cap \(cap), \(gauge)")
                    #expect(result.truncation.cutNorm <= distance + 1e-11 * max(1, Naive.norm(dense)), "\(layout), cap \(cap)")
                    #expect(abs(result.truncation.norm - Naive.norm(dense)) < 1e-11 * max(1, Naive.norm(dense)))
                }
            }
        }
    }

    @Test func equalsDecomposingTheDenseMatrix() throws {
        for layout in Naive.layouts where layout.cores > 1 {
            let mpo = Naive.operatorOf(layout, seed: 2)
            let limit = try MPOLayout(outFactors: layout.outFactors, inFactors: layout.inFactors, limit: .bondDimension(2))
            let direct = try MPO.decompose(Naive.dense(mpo), layout: limit)
            let rounded = try mpo.rounded(to: .bondDimension(2))
            expectClose(
                [rounded.truncation.cutNorm], [direct.truncation.cutNorm], "\(layout)", tolerance: 1e-11)
        }
    }

    @Test func sumOfTwoRoundsBackToOne() throws {
        for layout in Naive.layouts where layout.cores > 1 {
            let mpo = try Naive.operatorOf(layout, seed: 3).rounded().mpo
            let twice = try mpo.adding(mpo)
            let result = try twice.rounded(relativeTolerance: 1e-10)
            expectClose(result.mpo.dense(), mpo.scaled(by: 2).dense(), "\(layout)", tolerance: 1e-9)
            #expect(zip(result.mpo.layout.bonds, mpo.layout.bonds).allSatisfy { $0 <= $1 }, "\(result.mpo.layout) of \(layout)")
        }
    }

    @Test func tolerancesAndBudgets() throws {
        for layout in Naive.layouts where layout.cores > 1 {
            let mpo = Naive.operatorOf(layout, seed: 4)
            let dense = Naive.dense(mpo)
            for tolerance in [0.05, 0.3, 0.8] {
                let result = try mpo.rounded(relativeTolerance: tolerance)
                #expect(
                    Naive.distance(result.mpo.dense(), dense) <= tolerance * Naive.norm(dense) + 1e-12,
                    "\(layout), \(tolerance)")
            }
        }
        let layout = try MPOLayout.balanced(out: 48, in: 60, cores: 3, limit: .bondDimension(12))
        let result = try Naive.operatorOf(layout, seed: 5).rounded(to: .keep(0.1))
        #expect(result.mpo.layout.keptFraction <= 0.1)
        #expect(throws: TensorTrainError.self) { try Naive.operatorOf(layout, seed: 5).rounded(relativeTolerance: -1) }
    }
}
