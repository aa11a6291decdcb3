import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// Decomposes the matrices of a plan straight from the files: each worker has one matrix in memory, and only cores stay.
package struct Compressor: Sendable {
    package struct Result: Sendable {
        package let name: String
        package let layout: MPOLayout
        /// Bound of ||W - W'||_F / ||W||_F.
        package let relativeError: Double
    }

    package struct Progress: Sendable {
        package let done: Int
        package let total: Int
        package let name: String
        /// Dense parameters decomposed each second; nil until one was.
        package let parametersPerSecond: Double?
        package let secondsLeft: Double?
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
        progress: (Progress) throws -> Void = { _ in }
    ) throws -> [Result] {
        let work = plan.compressed.filter { weights.layouts[$0.name] == nil }
        let outcomes = try withoutActuallyEscaping(progress) { progress in
            let board = Board(work, progress)
            Parallel.forEach(work.count, workers: Self.workers(work)) { i in
                if board.isEnded || stop() { return }
                board.record(i) { try decompose(work[i], source) }
            }
            return try board.finish()
        }
        for outcome in outcomes { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
        return outcomes.map(\.result)
    }

    fileprivate struct Outcome: Sendable {
        var result: Result
        var cores: [Tensor]
        var wasCached: Bool
    }

    private func decompose(_ entry: CompressionPlan.Entry, _ source: any WeightSource) throws -> Outcome {
        let matrix = try source.floats(entry.name + ".weight"), layout = entry.layout!
        let key = cache.map { _ in DecompositionCache.Key(matrix, layout: layout, type: type) }
        if let cache, let key, let known = cache.load(entry.name, key, layout: layout, type: type) {
            return Outcome(
                result: Result(name: entry.name, layout: layout, relativeError: known.relativeError), cores: known.cores, wasCached: true)
        }
        let found = try MPO<Float>.decompose(matrix, layout: layout)
        let cores = found.mpo.cores.map { Elementwise.convert(Tensor($0.values, $0.shape), to: type) }
        let error = found.truncation.relativeBound
        if let cache, let key, found.mpo.layout == layout { try cache.store(entry.name, key, cores, relativeError: error) }
        return Outcome(result: Result(name: entry.name, layout: found.mpo.layout, relativeError: error), cores: cores, wasCached: false)
    }

    /// What all workers together may take for matrices and their decompositions.
    private static let workspace = 6 << 30

    /// As many at once as fit into `workspace`: a matrix in its own order and in that of the cores, the Gram matrix, vectors.
    private static func workers(_ work: [CompressionPlan.Entry]) -> Int {
        max(1, workspace / max(1, 5 * 4 * (work.map(\.denseCount).max() ?? 0)))
    }
}

/// What the workers have done. One of them at a time writes here and tells of progress.
private final class Board: @unchecked Sendable {
    // Sendable: everything is touched under the lock only, `progress` included, while its owner waits for the workers.
    private let lock = Mutex(())
    private let work: [CompressionPlan.Entry]
    private let progress: (Compressor.Progress) throws -> Void
    private var outcomes: [Compressor.Outcome?]
    private var failure: (place: Int, error: any Error)?
    private let start = ContinuousClock.now
    private var (done, decomposed, pending): (Int, Double, Double)

    init(_ work: [CompressionPlan.Entry], _ progress: @escaping (Compressor.Progress) throws -> Void) {
        self.work = work
        self.progress = progress
        outcomes = Array(repeating: nil, count: work.count)
        (done, decomposed, pending) = (0, 0, work.reduce(0) { $0 + Double($1.denseCount) })
    }

    var isEnded: Bool { lock.withLock { _ in failure != nil } }

    func record(_ i: Int, _ make: () throws -> Compressor.Outcome) {
        let made = Swift.Result { try make() }
        lock.withLock { _ in
            do {
                let outcome: Compressor.Outcome
                do { outcome = try made.get() } catch { throw HealError(.model, "\(work[i].name): \(error)") }
                outcomes[i] = outcome
                done += 1
                let size = Double(work[i].denseCount)
                pending -= size
                if !outcome.wasCached { decomposed += size }
                let rate = decomposed > 0 ? decomposed / max((ContinuousClock.now - start) / .seconds(1), 1e-9) : nil
                try progress(
                    .init(done: done, total: work.count, name: work[i].name, parametersPerSecond: rate, secondsLeft: rate.map { pending / $0 }))
            } catch {
                if failure == nil || i < failure!.place { failure = (i, error) }
            }
        }
    }

    /// Everything that was done, in order; throws the first failure.
    func finish() throws -> [Compressor.Outcome] {
        if let failure { throw failure.error }
        return outcomes.compactMap { $0 }
    }
}
