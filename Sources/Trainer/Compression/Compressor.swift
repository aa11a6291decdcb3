import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// Decomposes the matrices of a plan, a few at a time, straight from the files.
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
    }

    package init() {}

    /// Replaces the matrices of `plan` in `weights` by cores. Each matrix is decomposed by one thread, so the result does not depend on how many there are.
    package func run(
        _ plan: CompressionPlan, from source: any WeightSource, into weights: inout ModelWeights, stop: @Sendable () -> Bool = { false },
        progress: (Progress) throws -> Void = { _ in }
    ) throws -> [Result] {
        let work = plan.compressed.filter { weights.layouts[$0.name] == nil }
        typealias Outcome = Swift.Result<(Result, [Tensor]), any Error>
        var results: [Result] = []
        // A few at a time: progress is told between groups, and little more than a group's matrices is in memory at once.
        let group = max(2, Parallel.threads)
        for start in stride(from: 0, to: work.count, by: group) {
            if stop() { return results }
            let part = Array(work[start..<min(work.count, start + group)])
            let outcomes = Mutex<[Outcome?]>(Array(repeating: nil, count: part.count))
            Parallel.forEach(part.count) { i in
                let entry = part[i]
                let outcome = Outcome {
                    let matrix = try source.floats(entry.name + ".weight")
                    let found = try MPO<Float>.decompose(matrix, layout: entry.layout!)
                    let cores = found.mpo.cores.map { Tensor($0.values, $0.shape) }
                    return (Result(name: entry.name, layout: found.mpo.layout, relativeError: found.truncation.relativeBound), cores)
                }
                outcomes.withLock { $0[i] = outcome }
            }
            for (entry, outcome) in zip(part, outcomes.withLock { $0 }) {
                do {
                    let (result, cores) = try outcome!.get()
                    weights.compress(entry.name, layout: result.layout, cores: cores)
                    results.append(result)
                } catch {
                    throw HealError(.model, "\(entry.name): \(error)")
                }
                try progress(Progress(done: results.count, total: work.count, name: entry.name))
            }
        }
        return results
    }
}
