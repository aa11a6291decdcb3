/// How an operator is fitted; the defaults are those of `docs/fitting.md`.
package struct FitOptions: Sendable, Hashable, Codable {
    /// How one core's least-squares problem is solved.
    package enum Solver: String, Sendable, Hashable, Codable, CaseIterable {
        /// `exact` where that takes no more operations than the steps of `conjugateGradients`, and not too much memory.
        case automatic
        /// One Cholesky factorisation of the normal matrix.
        case exact
        /// Preconditioned conjugate gradients; the normal matrix never exists.
        case conjugateGradients = "conjugate_gradients"
    }

    package var solver: Solver
    /// Sweeps at most; one goes over the cores from left to right and back.
    package var maximumSweeps: Int
    /// A sweep that lowers the error by less than this share of it is the last.
    package var tolerance: Double
    /// Steps of conjugate gradients a core at most.
    package var steps: Int
    /// Conjugate gradients end when the residual has fallen to this fraction.
    package var stepTolerance: Double
    /// Added to normal matrices and preconditioners, relative to the mean of their diagonals. It shortens steps, and does not
    /// move the point that they lead to, as each step is a correction of the cores.
    package var damping: Double

    package init(
        solver: Solver = .automatic, maximumSweeps: Int = 12, tolerance: Double = 0.01, steps: Int = 6,
        stepTolerance: Double = 0.05, damping: Double = 1e-6
    ) {
        self.solver = solver
        self.maximumSweeps = maximumSweeps
        self.tolerance = tolerance
        self.steps = steps
        self.stepTolerance = stepTolerance
        self.damping = damping
    }

    /// Options for a matrix of that many entries: sweeps of large ones take minutes, and the first few steps win most.
    package init(size: Int) {
        self.init()
        if size > Self.large { (maximumSweeps, steps) = (2, 4) }
    }

    /// Entries from which on a matrix counts as large.
    static let large = 1 << 24
}
