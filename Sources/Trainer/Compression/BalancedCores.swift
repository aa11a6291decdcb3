import Kernels
import Models
import Synchronization
import TensorTrain

extension ModelWeights {
    /// Brings the cores of every compressed matrix to the balanced gauge (`docs/mpo.md`), the one that TT-SVD leaves. The operators stay, to rounding.
    ///
    /// An `mpo` export has its cores in the gauge with the fewest numbers, from which training gets less far (`docs/optimizer.md`).
    ///
    /// - Parameters:
    ///   - type: what cores are kept in, f32 or bf16. A few matrices at a time are there twice.
    ///   - stop: asked now and then; once it said so, the matrices that are left stay as they are.
    ///   - progress: told of the matrices that are done; an error ends the work.
    mutating func balanceCores(type: DType = .f32, stop: () -> Bool = { false }, progress: (DecompositionProgress) throws -> Void = { _ in }) throws {
        let modules = layouts.filter { $0.value.hasFreeGauge && $0.value.cores > 1 }.map(\.key).sorted()
        var done = 0
        while done < modules.count, !stop() {
            let batch = modules[done..<min(done + Parallel.threads, modules.count)], weights = self
            let found = Mutex<[String: Result<MPO<Float>, any Error>]>([:])
            Parallel.forEach(batch.count) { i in
                let module = batch[batch.startIndex + i]
                let result = Result { try weights.operatorOf(module).regauged(.balanced) }
                found.withLock { $0[module] = result }
            }
            for module in batch {
                let mpo: MPO<Float>
                do { mpo = try found.withLock { $0[module]! }.get() } catch { throw HealError.matrix(module, error) }
                compress(module, layout: mpo.layout, cores: mpo.cores.map { Elementwise.convert(Tensor($0.values, $0.shape), to: type) })
            }
            done = batch.endIndex
            try progress(.init(phase: .gauge, done: done, total: modules.count, name: batch.last!))
        }
    }

    /// The operator that the cores of a compressed matrix make.
    package func operatorOf(_ module: String) throws(TensorTrainError) -> MPO<Float> {
        try MPO(layout: layouts[module]!, values: coreNames(module).map { tensors[$0]!.floats() })
    }
}
