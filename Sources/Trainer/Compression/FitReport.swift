/// How well the cores of a matrix do on calibration rows. Errors are relative output errors, E|W x - W' x|^2 / E|W x|^2, with rows weighed where the fit weighed
/// them (`docs/fitting.md`).
package struct FitReport: Sendable, Codable, Equatable {
    /// On the rows that were fitted.
    package var error: Double
    /// On rows that were not.
    package var heldError: Double
    /// The same of the low-rank factorisation of equal size; nil where it was not tried.
    package var lowRankError: Double?
    /// The error on other rows as it is, each row weighed by how much the loss depends on it; nil where rows count alike.
    package var weightedError: Double?
    /// The share of the error of its block's output that healing the block by itself left; nil where that was not done. The other errors are from before.
    package var localError: Double?
    /// Legs that were tried.
    package var tried: Int
    /// Wall time; for display.
    package var seconds: Double
}
