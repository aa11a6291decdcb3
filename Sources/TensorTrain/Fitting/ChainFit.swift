import Kernels

/// An operator fitted to a problem, and how the error fell.
package struct Fit<Scalar: LinearAlgebraScalar>: Sendable {
    package let mpo: MPO<Scalar>
    /// The relative output error at the start and after each sweep; it never rises.
    package let errors: [Double]
    /// The same on the second problem, where one was given; its smallest value decided which sweep was kept.
    package let heldErrors: [Double]
    /// Whether the last sweep gained less than the tolerance.
    package let converged: Bool

    /// The error of ``mpo``.
    package var error: Double
    package var heldError: Double?
}

extension FitProblem {
    /// The start: TT-SVD of the whitened target. Exactly optimal where all columns belong to one core of two.
    package func start(
        _ layout: MPOLayout, damping: Double = FitOptions().damping
    ) throws(TensorTrainError) -> MPO<Scalar> {
        try start(layout, damping: damping, accuracy: .best)
    }

    func start(
        _ layout: MPOLayout, damping: Double, accuracy: LeadingSubspace<Scalar>.Accuracy
    ) throws(TensorTrainError) -> MPO<Scalar> {
        try layout.requireMatrix(out: rows, in: columns)
        return try WhitenedStart(moment: moment, inFactors: layout.inFactors, damping: damping)
            .decompose(target, layout: layout, accuracy: accuracy)
    }

    /// The operator of a layout with the least output error that sweeps from the whitened start find.
    ///
    /// - Parameter held: the same matrix on other tokens. Sweeps end when they no longer help there, and the best is kept.
    package func fit(
        _ layout: MPOLayout, options: FitOptions = FitOptions(), held: FitProblem? = nil
    ) throws(TensorTrainError) -> Fit<Scalar> {
        let solved = layout.isSolvedByStart || isBlind
        let start = try start(layout, damping: options.damping, accuracy: solved ? .best : .quick)
        if solved {
            let error = relativeError(of: start.dense())
            let heldError = held?.relativeError(of: start.dense())
            return Fit(
                mpo: start, errors: [error], heldErrors: heldError.map { [$0] } ?? [], converged: true, error: error,
                heldError: heldError)
        }
        return try refine(start, options: options, held: held)
    }

    /// Sweeps from an operator of one's own.
    package func refine(
        _ start: MPO<Scalar>, options: FitOptions = FitOptions(), held: FitProblem? = nil
    ) throws(TensorTrainError) -> Fit<Scalar> {
        try start.layout.requireMatrix(out: rows, in: columns)
        var sweep = Sweep(problem: self, options: options, mpo: start)
        var best = (mpo: start, error: sweep.error, held: held?.relativeError(of: start.dense()))
        var errors = [sweep.error]
        var heldErrors = best.held.map { [$0] } ?? []
        var converged = false
        for _ in 0..<options.maximumSweeps {
            let before = sweep.error
            let progressed = try sweep.run()
            errors.append(sweep.error)
            let heldError = held?.relativeError(of: sweep.mpo.dense())
            if let heldError { heldErrors.append(heldError) }
            converged = !progressed || before - sweep.error <= options.tolerance * before
            if let heldError, let known = best.held, heldError >= known { break }
            best = (sweep.mpo, sweep.error, heldError)
            if converged { break }
        }
        return Fit(
            mpo: best.mpo, errors: errors, heldErrors: heldErrors, converged: converged, error: best.error,
            heldError: best.held)
    }
}

extension MPOLayout {
    /// Whether the whitened start is already optimal: two cores (or one), of which one holds all columns.
    package var isSolvedByStart: Bool { cores <= 2 && inFactors.count { $0 > 1 } <= 1 }
}

/// Sweeps over the cores: each in turn is moved to the minimum with the others fixed.
private struct Sweep<Scalar: LinearAlgebraScalar> {
    let problem: FitProblem<Scalar>
    let options: FitOptions
    private(set) var mpo: MPO<Scalar>
    /// The relative output error of ``mpo``.
    private(set) var error: Double
    /// (T - W') C for ``mpo``, carried along with the steps where they have it.
    private var weighted: [Scalar]

    init(problem: FitProblem<Scalar>, options: FitOptions, mpo: MPO<Scalar>) {
        self.problem = problem
        self.options = options
        self.mpo = mpo
        (weighted, error) = problem.residual(of: mpo.dense())
    }

    /// One sweep from the first core to the last and back, ends once.
    ///
    /// - Returns: false when no core could be improved: what is left is rounding.
    mutating func run() throws(TensorTrainError) -> Bool {
        let cores = mpo.layout.cores
        var progressed = false
        for core in Array(0..<cores) + (1..<max(cores - 1, 1)).reversed() where try improve(core) { progressed = true }
        return progressed
    }

    /// Moves one core, with its neighbours made orthogonal, so that the normal matrix is as well conditioned as C lets it be.
    private mutating func improve(_ core: Int) throws(TensorTrainError) -> Bool {
        let centred = try mpo.canonical(center: core)
        let local = CoreProblem(centred, core: core)
        let (step, remaining) = try solve(local.project(weighted), local)
        var values = centred.values
        Scalar.add(step, scaledBy: 1, to: &values[core], count: step.count)
        let moved = MPO(trusted: centred.layout, values)
        let (newWeighted, newError) = problem.residual(of: moved.dense(), weighted: remaining)
        // Steps lower the error but for rounding; where that rules, the core stays.
        guard newError < error else { return false }
        (mpo, weighted, error) = (moved, newWeighted, newError)
        return true
    }

    /// The step of a core, and what ``weighted`` is behind it where that was found on the way.
    private func solve(_ gradient: [Scalar], _ local: CoreProblem<Scalar>) throws(TensorTrainError) -> (step: [Scalar], remaining: [Scalar]?) {
        if solvesExactly(local) {
            return (try NormalMatrix(local, moment: problem.moment).solve(gradient, local, damping: options.damping), nil)
        }
        let normal = NormalOperator(local, moment: problem.moment)
        let preconditioner = try KroneckerPreconditioner(local, moment: problem.moment, damping: options.damping)
        var along: [Scalar]?
        var remaining: [Scalar]?
        let step = conjugateGradients(
            gradient, steps: options.steps, tolerance: options.stepTolerance,
            apply: { direction in
                let (image, weighted) = normal(direction)
                along = weighted
                return image
            },
            precondition: { preconditioner.apply($0, out: local.out) },
            moved: { length in
                guard let along else { return }
                if remaining == nil { remaining = weighted }
                Scalar.add(along, scaledBy: -length, to: &remaining!, count: along.count)
            }
        ).solution
        return (step, remaining)
    }

    private func solvesExactly(_ local: CoreProblem<Scalar>) -> Bool {
        switch options.solver {
        case .exact: return true
        case .conjugateGradients: return false
        case .automatic:
            let exact = NormalMatrix.cost(local)
            return exact.flops <= Double(options.steps) * NormalOperator.flops(local) && exact.elements <= 32e6
        }
    }
}
