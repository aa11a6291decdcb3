import Kernels

/// Finds the legs with which a matrix loses least at a given count of parameters.
///
/// Every candidate gets the start and one sweep; the best few that come near the plain low-rank factorisation are then refined.
/// What decides is the error on a second problem, over tokens that were not fitted: legs that fit the first ones better by chance
/// do not win. The low-rank factorisation, legs (o, 1), (1, i), is always in the choice, so the result is never worse there.
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
        /// All candidates, in the order of ``candidates(out:in:keep:)``.
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

    /// The layouts tried for a matrix, the plain low-rank one first.
    ///
    /// Two cores with one of a few small factors on the out and the in side, at either end of the chain (which decides whether
    /// neighbouring or strided rows and columns share a factor), and balanced legs.
    ///
    /// - Parameter cores: balanced legs of two up to that many cores. Three lost at least a quarter more than two everywhere they
    ///   were measured (`docs/fitting.md`).
    /// - Throws: when not even bond dimension 1 fits the budget.
    package static func candidates(
        out: Int, in input: Int, keep: Double, cores: Int = 2
    ) throws(TensorTrainError) -> [MPOLayout] {
        var layouts = [try MPOLayout.lopsided(out: out, in: input, inner: 1, limit: .keep(keep))]
        for (p, q) in [(1, 2), (1, 3), (1, 4), (2, 1), (2, 2)] where out.isMultiple(of: p) && input.isMultiple(of: q) {
            for (outs, ins) in [([out / p, p], [q, input / q]), ([p, out / p], [input / q, q])] {
                if let layout = try? MPOLayout(outFactors: outs, inFactors: ins, limit: .keep(keep)) { layouts.append(layout) }
            }
        }
        for cores in stride(from: 2, through: cores, by: 1) {
            if let layout = try? MPOLayout.balanced(out: out, in: input, cores: cores, limit: .keep(keep)) { layouts.append(layout) }
        }
        var seen: Set<MPOLayout> = []
        return layouts.filter { seen.insert($0).inserted }
    }

    /// The best operator among some layouts; see ``candidates(out:in:keep:)``.
    ///
    /// - Parameters:
    ///   - layouts: the first is what the others must beat.
    ///   - held: the same matrix on tokens that were not fitted.
    package func run<Scalar: LinearAlgebraScalar>(
        _ layouts: [MPOLayout], fit problem: FitProblem<Scalar>, held: FitProblem<Scalar>
    ) throws(TensorTrainError) -> Outcome<Scalar> {
        guard !layouts.isEmpty else { throw .outOfRange("a search over no legs") }
        let clock = ContinuousClock()
        var screening = options
        screening.maximumSweeps = 1
        var fits: [Fit<Scalar>] = []
        var seconds: [Double] = []
        for layout in layouts {
            let start = clock.now
            fits.append(try problem.fit(layout, options: screening, held: held))
            seconds.append((clock.now - start) / .seconds(1))
        }
        func heldError(_ index: Int) -> Double { fits[index].heldError ?? .infinity }
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
