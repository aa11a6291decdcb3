/// How the matrix at a cut is decomposed.
package enum SVDMethod: Hashable, Sendable {
    /// `gram` for single precision, `exact` for double. See ``MatrixSplit``.
    case automatic
    /// The full singular value decomposition by LAPACK at the matrix's own precision.
    case exact
    /// Leading eigenvectors of M M^T or M^T M, whichever is smaller, at the matrix's own precision: by subspace iteration where at most half of them
    /// are kept of a large matrix, else by LAPACK.
    ///
    /// Squaring loses half of the digits, so that what is cut off must be more than rounding: a cut below a relative error of about
    /// 64 sqrt(ulp), which is 2 % in single precision, is decomposed exactly instead.
    case gram(SubspaceIteration)
}

/// Subspace iteration from a random start (Halko, Martinsson and Tropp 2011, algorithm 4.4) with a Chebyshev polynomial of degree two in each round
/// (Saad 2011, Numerical Methods for Large Eigenvalue Problems, section 5.3.1).
///
/// A random subspace of rank + `oversampling` dimensions is multiplied by polynomials of the Gram matrix until a further round raises the captured
/// energy by at most `tolerance` of what is not captured. When that does not happen in `maximumRounds` rounds, LAPACK
/// computes them.
package struct SubspaceIteration: Hashable, Sendable {
    package var seed: UInt64
    package var oversampling: Int
    package var maximumRounds: Int
    package var tolerance: Double
    /// Matrices whose smaller side is below this are decomposed in full.
    package var smallest: Int

    package init(seed: UInt64 = 0, oversampling: Int = 16, maximumRounds: Int = 12, tolerance: Double = 0.005, smallest: Int = 1536) {
        self.seed = seed
        self.oversampling = oversampling
        self.maximumRounds = maximumRounds
        self.tolerance = tolerance
        self.smallest = smallest
    }
}
