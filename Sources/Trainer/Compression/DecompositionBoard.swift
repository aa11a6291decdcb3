import Basics
import Kernels
import Synchronization

/// How far the decomposition of a model has come.
package struct DecompositionProgress: Sendable {
    package enum Phase: Sendable {
        /// How the loss depends on what each matrix gives; counted in batches.
        case gradients
        /// What each matrix would lose at each size; counted in matrices.
        case sizes
        /// Cores are found; counted in matrices.
        case cores
        /// Cores that were there are brought to the balanced gauge; counted in matrices.
        case gauge
    }

    package var phase = Phase.cores
    package let done: Int
    package let total: Int
    /// The matrix; empty where there is none.
    package var name = ""
    /// Dense parameters decomposed each second; nil until one was.
    package var parametersPerSecond: Double?
    package var secondsLeft: Double?
}

/// What the workers have done. One of them at a time writes here and tells of progress.
final class DecompositionBoard: @unchecked Sendable {
    // Sendable: everything is touched under the lock only, `progress` included, while its owner waits for the workers.
    private let lock = Mutex(())
    private let work: [CompressionPlan.Entry]
    private let progress: (DecompositionProgress) throws -> Void
    private var outcomes: [DecompositionOutcome?]
    private var failure: (place: Int, error: any Error)?
    private let start = ContinuousClock.now
    private var (done, decomposed, pending): (Int, Double, Double)

    init(_ work: [CompressionPlan.Entry], _ progress: @escaping (DecompositionProgress) throws -> Void) {
        self.work = work
        self.progress = progress
        outcomes = Array(repeating: nil, count: work.count)
        (done, decomposed, pending) = (0, 0, work.reduce(0) { $0 + Double($1.denseCount) })
    }

    var isEnded: Bool { lock.withLock { _ in failure != nil } }

    /// Notes what `make` gives for the matrix at place `i`, or its failure.
    func record(_ i: Int, _ make: () throws -> DecompositionOutcome) {
        let made = Result { try make() }
        lock.withLock { _ in
            do {
                let outcome: DecompositionOutcome
                do { outcome = try made.get() } catch let error as StorageError {
                    throw error  // It names its file, and is no matter of the matrix.
                } catch { throw HealError.matrix(work[i].name, error) }
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

    /// Puts other cores in place of those that were found.
    func replace(_ i: Int, _ outcome: DecompositionOutcome) { lock.withLock { _ in outcomes[i] = outcome } }

    /// What has been found for the matrix at a place; throws the first failure.
    func outcome(_ i: Int) throws -> DecompositionOutcome? {
        try lock.withLock { _ in
            if let failure { throw failure.error }
            return outcomes[i]
        }
    }

    /// Everything that was done, in order; throws the first failure.
    func finish() throws -> [DecompositionOutcome] { try work.indices.compactMap(outcome) }
}

/// The cores of one matrix.
struct DecompositionOutcome: Sendable {
    var result: Compressor.Result
    var cores: [Tensor]
    var wasCached: Bool
    /// Under which the cache knows them; nil where that does not matter.
    var key: String?
}
