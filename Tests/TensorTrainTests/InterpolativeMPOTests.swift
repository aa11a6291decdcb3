import Kernels
import Testing

@testable import TensorTrain

@Suite struct InterpolativeMPOTests {
    @Test func sameOperatorWithFewerNumbers() throws {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 31), stored = try InterpolativeMPO(mpo)
            #expect(stored.values.reduce(0) { $0 + $1.count } == layout.parameterCount, "\(layout)")
            #expect(stored.pivots.count == (layout.hasFreeGauge ? layout.cores - 1 : 0), "\(layout)")
            let back = stored.mpo
            #expect(back.layout == layout)
            expectClose(Naive.dense(back), Naive.dense(mpo), "\(layout)", tolerance: 1e-11)
        }
    }

    /// The parameters are as many as the operator's entries have free directions: the rank of the map from cores to matrix at a random place.
    @Test func parametersAreTheDimensionOfTheManifold() throws {
        for layout in Naive.layouts where layout.hasFreeGauge && layout.denseCount <= 150 {
            let mpo = Naive.operatorOf(layout, seed: 32)
            var tangents: [Double] = [], count = 0
            for k in 0..<layout.cores {
                for place in 0..<layout.coreCount(k) {
                    // W' is linear in one core, so this is its derivative by one number.
                    var values = mpo.values
                    values[k] = values[k].indices.map { $0 == place ? 1 : 0 }
                    tangents += Naive.dense(try MPO(layout: layout, values: values))
                    count += 1
                }
            }
            let singular = try LinearAlgebra.svd(tangents, rows: count, columns: layout.denseCount).singularValues
            #expect(singular.count { $0 > 1e-9 * singular[0] } == layout.parameterCount, "\(layout)")
        }
    }

    /// Two cores with legs (o, 1), (1, i) are columns of the matrix itself, and the other columns by them.
    @Test func lowRankIsColumnsOfTheMatrix() throws {
        let layout = try MPOLayout.lopsided(out: 9, in: 12, inner: 1, limit: .bondDimension(4))
        let mpo = Naive.operatorOf(layout, seed: 33), dense = Naive.dense(mpo), stored = try InterpolativeMPO(mpo)
        let columns = (0..<9).flatMap { row in stored.pivots[0].map { dense[row * 12 + $0] } }
        expectClose(stored.values[0], columns, "columns", tolerance: 1e-12)
        #expect(stored.values[1].allSatisfy { abs($0) < 10 })
    }

    @Test func lowerRankThanTheBondSays() throws {
        let layout = try MPOLayout(outFactors: [3, 2, 3], inFactors: [2, 3, 2], bonds: [1, 4, 5, 1])
        var values = Naive.operatorOf(layout, seed: 34).values
        // Column 2 of the last core's unfolding is twice column 1, and the middle core has a row of zeros.
        for column in 0..<6 { values[2][1 * 6 + column] = 2 * values[2][column] }
        for column in 0..<30 { values[1][2 * 30 + column] = 0 }
        for core in [values[2], [Double](repeating: 0, count: 30)] {
            values[2] = core
            let mpo = try MPO(layout: layout, values: values), back = try InterpolativeMPO(mpo).mpo
            expectClose(Naive.dense(back), Naive.dense(mpo), "rank", tolerance: 1e-11)
        }
    }

    @Test func singlePrecisionRoundsOnce() throws {
        let layout = try MPOLayout.balanced(out: 24, in: 36, cores: 3, limit: .keep(0.5))
        let mpo = Naive.operatorOf(layout, seed: 35).converted(to: Float.self)
        let back = try InterpolativeMPO(mpo).mpo.converted(to: Double.self), dense = Naive.dense(mpo.converted(to: Double.self))
        let error = Naive.norm(zip(Naive.dense(back), dense).map { $0 - $1 }) / Naive.norm(dense)
        #expect(error < 1e-6, "\(error)")
    }
}
