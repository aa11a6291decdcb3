import Kernels
import Storage
import TensorTrain

/// The inputs of a group of matrices, as fits need them: over the rows to fit, with their share of white noise, and over the others.
struct FitInputs: Sendable {
    private enum Moments: Sendable {
        /// E[x x^T], row-major [width, width].
        case original(fitted: [Float], held: [Float])
        /// Inputs of the original model with those of the compressed one.
        case compressed(fitted: PairedMoments, held: PairedMoments, shrinkage: Double)
    }

    let width: Int
    /// Of what the problems are made from.
    let checksum: Checksum
    private let moments: Moments

    /// The share of white noise in held rows of two models: their target is solved for, which needs a moment that has an inverse.
    private static let leastNoise = 1e-4

    init(_ moments: (fitted: SecondMoment, held: SecondMoment), shrinkage: Double) throws {
        width = moments.fitted.width
        let fitted: [Float] = try moments.fitted.matrix(shrinkage: shrinkage), held: [Float] = try moments.held.matrix()
        self.moments = .original(fitted: fitted, held: held)
        var checksum = Checksum()
        for matrix in [fitted, held] { matrix.withUnsafeBytes { checksum.add($0) } }
        self.checksum = checksum
    }

    init(_ moments: (fitted: PairedMoments, held: PairedMoments), shrinkage: Double) {
        width = moments.fitted.width
        self.moments = .compressed(fitted: moments.fitted, held: moments.held, shrinkage: shrinkage)
        var checksum = Checksum(of: "\(shrinkage)")
        for sum in moments.fitted.sums + moments.held.sums { sum.withUnsafeBytes { checksum.add($0) } }
        self.checksum = checksum
    }

    /// What the cores of a matrix are fitted to, and what choices are made on.
    ///
    /// - Parameters:
    ///   - weight: W, row-major [out, width].
    ///   - metric: what each row counts; nil where all count alike.
    func problems(_ weight: [Float], metric: OutputMetric?) throws -> (fitted: FitProblem<Float>, held: FitProblem<Float>) {
        let weight = metric?.weighted(weight) ?? weight
        switch moments {
        case .original(let fitted, let held):
            return (try FitProblem(weight: weight, matrix: fitted, columns: width), try FitProblem(weight: weight, matrix: held, columns: width))
        case .compressed(let fitted, let held, let shrinkage):
            let rows = metric?.rows
            return (
                try fitted.problem(weight, rows: rows, shrinkage: shrinkage), try held.problem(weight, rows: rows, shrinkage: max(shrinkage, Self.leastNoise))
            )
        }
    }
}

/// Fits the cores of one matrix to its inputs.
struct MatrixFit: Sendable {
    let entry: CompressionPlan.Entry
    let inputs: FitInputs
    /// How much each row counts; nil where all count alike.
    let squares: [Double]?

    /// Added to what rows count, relative to the mean.
    private static let damping = 0.01

    /// - Parameter weight: W, row-major [out, in].
    func run(_ weight: [Float]) throws -> (mpo: MPO<Float>, report: FitReport) {
        let start = ContinuousClock.now, layout = entry.layout!
        let (problem, held) = try problems(weight)
        let fit: Fit<Float>
        var lowRankError: Double?, tried = 1
        if entry.searchesLegs {
            // Rows that several cores share cannot be weighed one by one.
            let candidates = try LegsSearch.Candidates(out: entry.out, in: entry.in, keep: layout.keptFraction, splitsRows: squares == nil)
            let outcome = try LegsSearch(size: entry.denseCount).run(candidates, fit: problem, held: held)
            (fit, tried, lowRankError) = (outcome.fit, outcome.rows.count, outcome.rows[0].heldError)
        } else {
            fit = try problem.fit(layout, options: FitOptions(size: entry.denseCount), held: held)
        }
        let heldError = fit.heldError ?? fit.error
        let report = FitReport(
            error: fit.error, heldError: heldError, lowRankError: lowRankError, weightedError: squares.map { _ in heldError * held.scale }, tried: tried,
            seconds: (ContinuousClock.now - start) / .seconds(1))
        return (metric(fit.mpo.layout.outFactors)?.unweighted(fit.mpo) ?? fit.mpo, report)
    }

    /// What the cores are fitted to and what choices are made on, with rows weighed.
    func problems(_ weight: [Float]) throws -> (fitted: FitProblem<Float>, held: FitProblem<Float>) {
        try inputs.problems(weight, metric: metric(entry.searchesLegs ? [entry.out] : entry.layout!.outFactors))
    }

    /// What a matrix in the place of W loses on the rows that choices are made on, in the unit of ``FitReport/weightedError``.
    func heldError(of dense: [Float], _ weight: [Float]) throws -> Double {
        let held = try problems(weight).held
        return held.relativeError(of: metric([entry.out])?.weighted(dense) ?? dense) * held.scale
    }

    private func metric(_ outFactors: [Int]) -> OutputMetric? {
        squares.map { OutputMetric(squares: $0, outFactors: outFactors, damping: Self.damping) }
    }

    /// What a fit takes beside the inputs: the matrix, its whitened form, chains and directions of the search, a factor of the moment in double precision.
    var bytes: Int { 4 * 10 * entry.denseCount + 8 * 2 * inputs.width * inputs.width }
}
