import Kernels
import Storage
import TensorTrain

/// The inputs of a group of matrices, as fits need them.
struct FitInputs: Sendable {
    let width: Int
    /// E[x x^T] over the rows to fit, with its share of white noise, and over the others, row-major [width, width].
    let fitted: [Float]
    let held: [Float]
    /// Of the sums that the matrices were made from.
    let checksum: Checksum

    init(_ moments: (fitted: SecondMoment, held: SecondMoment), shrinkage: Double) throws {
        width = moments.fitted.width
        fitted = try moments.fitted.matrix(shrinkage: shrinkage)
        held = try moments.held.matrix()
        var checksum = Checksum()
        for matrix in [fitted, held] { matrix.withUnsafeBytes { checksum.add($0) } }
        self.checksum = checksum
    }
}

/// Fits the cores of one matrix to its inputs.
struct MatrixFit: Sendable {
    let entry: CompressionPlan.Entry
    let inputs: FitInputs

    /// - Parameter weight: W, row-major [out, in].
    func run(_ weight: [Float]) throws -> (mpo: MPO<Float>, report: FitReport) {
        let start = ContinuousClock.now
        let problem = try FitProblem(weight: weight, matrix: inputs.fitted, columns: inputs.width)
        let held = try FitProblem(weight: weight, matrix: inputs.held, columns: inputs.width)
        let fit: Fit<Float>
        var lowRankError: Double?, tried = 1
        if entry.searchesLegs {
            let candidates = try LegsSearch.Candidates(out: entry.out, in: entry.in, keep: entry.layout!.keptFraction)
            let outcome = try LegsSearch(size: entry.denseCount).run(candidates, fit: problem, held: held)
            (fit, tried, lowRankError) = (outcome.fit, outcome.rows.count, outcome.rows[0].heldError)
        } else {
            fit = try problem.fit(entry.layout!, options: FitOptions(size: entry.denseCount), held: held)
        }
        let report = FitReport(
            error: fit.error, heldError: fit.heldError ?? fit.error, lowRankError: lowRankError, tried: tried,
            seconds: (ContinuousClock.now - start) / .seconds(1))
        return (fit.mpo, report)
    }

    /// What a fit takes beside the inputs: the matrix, its whitened form, chains and directions of the search, a factor of the moment in double precision.
    var bytes: Int { 4 * 10 * entry.denseCount + 8 * 2 * inputs.width * inputs.width }
}
