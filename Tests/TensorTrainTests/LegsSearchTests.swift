import Testing

@testable import TensorTrain

@Suite struct LegsSearchTests {
    @Test func candidatesFitTheBudget() throws {
        for (out, input) in [(48, 36), (35, 21), (13, 17), (576, 1536)] {
            let layouts = try LegsSearch.Candidates(out: out, in: input, keep: 0.5, cores: 3).all
            #expect(layouts[0].outFactors == [out, 1] && layouts[0].inFactors == [1, input])
            #expect(Set(layouts).count == layouts.count)
            for layout in layouts {
                #expect(layout.rows == out && layout.columns == input && layout.keptFraction <= 0.5, "\(layout)")
            }
        }
        #expect(try LegsSearch.Candidates(out: 48, in: 36, keep: 0.5, cores: 3).all.contains { $0.cores == 3 })
        #expect(throws: TensorTrainError.self) { try LegsSearch.Candidates(out: 48, in: 36, keep: 0.001) }
    }

    private func problems(_ weight: [Double], columns: Int) throws -> (fit: FitProblem<Double>, held: FitProblem<Double>) {
        (
            try FitProblem(weight: weight, matrix: FittingCase.moment(width: columns, tokens: 900, seed: 1), columns: columns),
            try FitProblem(weight: weight, matrix: FittingCase.moment(width: columns, tokens: 900, seed: 2), columns: columns)
        )
    }

    /// A matrix made with certain legs is found to have them.
    @Test func findsTheLegsThatAreThere() throws {
        let truth = try MPOLayout(outFactors: [24, 1], inFactors: [2, 9], limit: .bondDimension(4))
        let (fit, held) = try problems(Naive.dense(Naive.operatorOf(truth, seed: 3)), columns: 18)
        let keep = truth.keptFraction
        let outcome = try LegsSearch(options: FitOptions(maximumSweeps: 40, tolerance: 1e-3)).run(
            LegsSearch.Candidates(out: 24, in: 18, keep: keep, cores: 3), fit: fit, held: held)
        #expect(outcome.fit.mpo.layout.inFactors == [2, 9] && outcome.rows[outcome.chosen].heldError < 1e-3)
        #expect(outcome.rows[0].heldError > 10 * outcome.rows[outcome.chosen].heldError)
        #expect(held.relativeError(of: outcome.fit.mpo) == outcome.rows[outcome.chosen].heldError)
    }

    @Test func neverAboveTheWhitenedSVD() throws {
        for seed in 1...4 as ClosedRange<UInt64> {
            let (fit, held) = try problems(Naive.random(30 * 24, seed: seed), columns: 24)
            let candidates = try LegsSearch.Candidates(out: 30, in: 24, keep: 0.5)
            for search in [LegsSearch(), LegsSearch(refined: 0), LegsSearch(tie: 5)] {
                let outcome = try search.run(candidates, fit: fit, held: held)
                let svd = held.relativeError(of: try fit.start(candidates.first))
                #expect(outcome.rows.count > candidates.families.count && outcome.rows.count <= candidates.all.count)
                #expect(held.relativeError(of: outcome.fit.mpo) <= svd * (1 + 1e-12))
                #expect(outcome.rows.filter(\.refined).count <= search.refined + 1)
            }
        }
    }

    /// Of errors that count as equal the cheaper legs win.
    @Test func tiesGoToTheCheaper() throws {
        let truth = try MPOLayout.lopsided(out: 24, in: 18, inner: 1, limit: .bondDimension(4))
        let (fit, held) = try problems(Naive.dense(Naive.operatorOf(truth, seed: 5)), columns: 18)
        let low = try MPOLayout.lopsided(out: 24, in: 18, inner: 1, limit: .bondDimension(6))
        let exact = try MPOLayout(outFactors: [24, 1], inFactors: [2, 9], limit: .exact)
        for (first, other) in [(low, exact), (exact, low)] {
            let outcome = try LegsSearch(promising: .infinity, tie: .infinity).run(
                .init(first: first, families: [[other]]), fit: fit, held: held)
            let cheapest = outcome.rows.indices.filter { outcome.rows[$0].heldError <= outcome.rows[0].heldError }
                .min { outcome.rows[$0].cost < outcome.rows[$1].cost }
            #expect(outcome.chosen == cheapest)
        }
    }
}
