/// How the matrix at a cut is decomposed.
package enum SVDMethod: Hashable, Sendable {
    /// `randomised` where the matrix is large and few of its singular values are kept, `gram` for single-precision
    /// matrices at least four times as wide as high, else `exact`. See ``MatrixSplit``.
    case automatic
    /// The full singular value decomposition by LAPACK at the matrix's own precision.
    case exact
    /// The eigenvectors of M M^T, summed in double precision, then one product. For wide `Float` matrices as accurate as
    /// `exact`: the squaring loses half of the digits, and double has twice those of single precision. Singular values
    /// below about 1e-8 of the largest are not resolved, which is below `Float`'s own rounding, but not below `Double`'s;
    /// `automatic` therefore never takes it for `Double`. Tall matrices are decomposed exactly.
    case gram
    /// A randomised range finder with checked error.
    case randomised(RandomisedSVD)
}

/// A randomised range finder with subspace iteration (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1).
///
/// A random subspace of rank + `oversampling` dimensions is multiplied by M M^T until a further round raises the captured
/// energy ||Q^T M||^2 by at most `tolerance` of what is not captured. When that does not happen in `maximumRounds`
/// rounds, the exact decomposition is computed instead. The reported error is that of the residual itself.
package struct RandomisedSVD: Hashable, Sendable {
    package var seed: UInt64
    package var oversampling: Int
    package var maximumRounds: Int
    package var tolerance: Double

    package init(seed: UInt64 = 0, oversampling: Int = 16, maximumRounds: Int = 8, tolerance: Double = 0.005) {
        self.seed = seed
        self.oversampling = oversampling
        self.maximumRounds = maximumRounds
        self.tolerance = tolerance
    }
}
