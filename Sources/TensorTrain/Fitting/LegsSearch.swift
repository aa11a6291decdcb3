import Kernels

/// Finds the legs with which a matrix loses least at a given count of parameters.
///
/// Candidates come in families that lead away from the plain low-rank factorisation, legs (o, 1), (1, i). Each gets the start and
/// one sweep; a family is left at the first member that is no better than the one before it. The best few that come near the
/// low-rank factorisation are then refined. What decides is the error on a second problem, over tokens that were not fitted: legs
/// that fit the first ones better by chance do not win. The low-rank factorisation is always in the choice, so the result is
/// never worse there.
package struct LegsSearch: Sendable {
    /// One row of the table.
    package struct Row: Sendable {
        package let layout: MPOLayout
        /// Relative output error on the fitted problem and on the held one.
        package let error: Double
        package let heldError: Double
        /// Operations of one token in the cheapest plan, relative to a dense layer.
        package let cost: Double
        /// What that plan is.
        package let plan: ContractionPlan
        package let refined: Bool
        /// Wall time of screening and refining; for display.
        package let seconds: Double
    }

    package struct Outcome<Scalar: LinearAlgebraScalar>: Sendable {
        package let fit: Fit<Scalar>
        /// What was tried, the low-rank factorisation first.
        package let rows: [Row]
        /// Which row is the fit.
        package let chosen: Int
    }

    package var options: FitOptions
    /// Candidates refined after the screening at most.
    package var refined: Int
    /// Only those are refined whose held error after one sweep is below this multiple of the first candidate's: later sweeps
    /// gained up to 13 % where it was measured.
    package var promising: Double
    /// Held errors within this share of the smallest count as equal; of equals the cheapest to contract wins.
    package var tie: Double

    package init(options: FitOptions = FitOptions(), refined: Int = 2, promising: Double = 1.15, tie: Double = 0.01) {
        self.options = options
        self.refined = refined
        self.promising = promising
        self.tie = tie
    }

    /// The search for a matrix of that many entries: of large ones only the candidate that the screening finds best is refined.
    package init(size: Int) { self.init(options: FitOptions(size: size), refined: size > FitOptions.large ? 1 : 2) }

    /// What is tried for a matrix.
    package struct Candidates: Sendable {
        /// What the others must beat.
        package var first: MPOLayout
        package var families: [[MPOLayout]]

        package init(first: MPOLayout, families: [[MPOLayout]]) {
            self.first = first
            self.families = families
        }

        /// Two cores with small factors on the in side, on the out side, and on both up to balanced legs, at either end of the
        /// chain, which decides whether neighbouring or strided rows and columns share a factor.
        ///
        /// - Parameters:
        ///   - cores: balanced legs of two up to that many cores. Three lost more than two everywhere they were measured (`docs/fitting.md`).
        ///   - splitsRows: whether candidates may give rows to several cores.
        /// - Throws: when not even bond dimension 1 fits the budget.
        package init(out: Int, in input: Int, keep: Double, cores: Int = 2, splitsRows: Bool = true) throws(TensorTrainError) {
            first = try MPOLayout.lopsided(out: out, in: input, inner: 1, limit: .keep(keep))
            var seen: Set<MPOLayout> = [first]
            func distinct(_ layouts: [MPOLayout?]) -> [MPOLayout] { layouts.compactMap { $0 }.filter { seen.insert($0).inserted } }
            func left(_ p: Int, _ q: Int) -> MPOLayout? {
                guard out.isMultiple(of: p), input.isMultiple(of: q) else { return nil }
                return try? MPOLayout(outFactors: [out / p, p], inFactors: [q, input / q], limit: .keep(keep))
            }
            func right(_ p: Int, _ q: Int) -> MPOLayout? {
                guard out.isMultiple(of: p), input.isMultiple(of: q) else { return nil }
                return try? MPOLayout(outFactors: [p, out / p], inFactors: [input / q, q], limit: .keep(keep))
            }
            // Every candidate of a large matrix takes a minute: only those that won where it was measured.
            if out * input > FitOptions.large {
                families = [distinct([left(1, 2)]), distinct([right(1, 2)])].filter { !$0.isEmpty }
                return
            }
            let balanced = stride(from: 2, through: cores, by: 1).map {
                try? MPOLayout.balanced(out: out, in: input, cores: $0, limit: .keep(keep))
            }
            families = [
                distinct([left(1, 2), left(1, 3), left(1, 4)]), distinct([right(1, 2), right(1, 3), right(1, 4)]),
                distinct([left(2, 1)]), distinct([right(2, 1)]), distinct([left(2, 2)] + balanced),
            ].map { family in family.filter { splitsRows || $0.outFactors.contains(out) } }.filter { !$0.isEmpty }
        }

        package var all: [MPOLayout] { [first] + families.flatMap { $0 } }
    }

    /// The best operator among the candidates.
    ///
    /// - Parameter held: the same matrix on tokens that were not fitted.
    package func run<Scalar: LinearAlgebraScalar>(
        _ candidates: Candidates, fit problem: FitProblem<Scalar>, held: FitProblem<Scalar>
    ) throws(TensorTrainError) -> Outcome<Scalar> {
        let clock = ContinuousClock()
        var screening = options
        screening.maximumSweeps = 1
        var layouts: [MPOLayout] = []
        var fits: [Fit<Scalar>] = []
        var seconds: [Double] = []
        func heldError(_ index: Int) -> Double { fits[index].heldError ?? .infinity }
        for family in [[candidates.first]] + candidates.families {
            var before = Double.infinity
            for layout in family {
                let start = clock.now
                layouts.append(layout)
                fits.append(try problem.fit(layout, options: screening, held: held))
                seconds.append((clock.now - start) / .seconds(1))
                if heldError(fits.count - 1) >= before || heldError(fits.count - 1) > promising * heldError(0) { break }
                before = heldError(fits.count - 1)
            }
        }
        // Stable, so that equal errors keep the order of the candidates.
        let near = layouts.indices.dropFirst().filter { heldError($0) <= promising * heldError(0) }
            .sorted { (heldError($0), $0) < (heldError($1), $1) }
        let refining = [0] + near.prefix(max(refined, 0))
        for index in refining where !fits[index].converged {
            let start = clock.now
            fits[index] = try problem.refine(fits[index].mpo, options: options, held: held)
            seconds[index] += (clock.now - start) / .seconds(1)
        }
        let rows = layouts.indices.map { index in
            let layout = fits[index].mpo.layout
            let plan = ContractionPlan.choose(layout: layout, tokens: 1, training: false)
            let dense = ContractionPlan.denseCost(layout, tokens: 1).flops
            return Row(
                layout: layout, error: fits[index].error, heldError: heldError(index),
                cost: plan.forwardCost(layout, tokens: 1).flops / dense, plan: plan, refined: refining.contains(index),
                seconds: seconds[index])
        }
        let least = refining.map { rows[$0].heldError }.min()!
        let limit = min(least * (1 + tie), rows[0].heldError)
        let chosen = refining.filter { rows[$0].heldError <= limit }.min { (rows[$0].cost, $0) < (rows[$1].cost, $1) }!
        return Outcome(fit: fits[chosen], rows: rows, chosen: chosen)
    }
}
