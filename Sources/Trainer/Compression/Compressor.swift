import Kernels
import Models
import Storage
import TensorTrain

/// Decomposes the matrices of a plan by TT-SVD, straight from the files: each worker has one matrix in memory, and only cores stay.
package struct Compressor: Sendable {
    package struct Result: Sendable, Codable, Equatable {
        package let name: String
        package let layout: MPOLayout
        /// Bound of ||W - W'||_F / ||W||_F.
        package let relativeError: Double
        /// How well the cores fit the calibration rows; nil where there were none.
        package var fit: FitReport?
    }

    /// What cores are kept in.
    private let type: DType
    private let cache: DecompositionCache?

    /// - Parameters:
    ///   - type: f32, or bf16, to which cores are rounded.
    ///   - cache: where finished matrices are kept for the case of a kill.
    package init(type: DType = .f32, cache: DecompositionCache? = nil) {
        self.type = type
        self.cache = cache
    }

    /// Replaces the matrices of `plan` in `weights` by cores. Each matrix is decomposed by one thread, so the result does not depend on how many there are.
    ///
    /// - Parameters:
    ///   - stop: asked before each matrix; what is done by then is in the cache, and `weights` are of no use.
    ///   - progress: told of each matrix as it is done, one at a time; an error ends the work.
    /// - Returns: in the order of the plan.
    package func run(
        _ plan: CompressionPlan, from source: any WeightSource, into weights: inout ModelWeights, stop: @escaping @Sendable () -> Bool = { false },
        progress: (DecompositionProgress) throws -> Void = { _ in }
    ) throws -> [Result] {
        let work = plan.compressed.filter { weights.layouts[$0.name] == nil }
        let outcomes = try withoutActuallyEscaping(progress) { progress in
            let board = DecompositionBoard(work, progress)
            Parallel.forEach(work.count, workers: Self.workers(work)) { i in
                if board.isEnded || stop() { return }
                board.record(i) { try decompose(work[i], source) }
            }
            return try board.finish()
        }
        for outcome in outcomes { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
        return outcomes.map(\.result)
    }

    func decompose(_ entry: CompressionPlan.Entry, _ source: any WeightSource) throws -> DecompositionOutcome {
        let matrix = try source.floats(entry.name + ".weight"), layout = entry.layout!
        let key = cache.map { _ in DecompositionCache.Key(matrix, layout: layout, type: type) }
        if let cache, let key, let known = cache.load(entry.name, key, type: type, shape: (entry.out, entry.in)) { return known }
        let found = try MPO<Float>.decompose(matrix, layout: layout)
        let outcome = DecompositionOutcome(
            result: Result(name: entry.name, layout: found.mpo.layout, relativeError: found.truncation.relativeBound),
            cores: found.mpo.cores.map { Elementwise.convert(Tensor($0.values, $0.shape), to: type) }, wasCached: false)
        try outcome.requireFinite()
        if let cache, let key { cache.store(key, outcome) }
        return outcome
    }

    /// What all workers together may take for matrices and their decompositions.
    package static let workspace = 6 << 30

    /// As many at once as fit into `workspace`: a matrix in its own order and in that of the cores, the Gram matrix, vectors.
    private static func workers(_ work: [CompressionPlan.Entry]) -> Int {
        max(1, workspace / max(1, 5 * 4 * (work.map(\.denseCount).max() ?? 0)))
    }
}
