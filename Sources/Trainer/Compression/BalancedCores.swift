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
    ///   - stop: asked now and then; where it said so, nothing is changed.
    ///   - progress: told of the matrices that are done; an error ends the work.
    mutating func balanceCores(stop: () -> Bool = { false }, progress: (DecompositionProgress) throws -> Void = { _ in }) throws {
        let modules = layouts.filter { $0.value.hasFreeGauge && $0.value.cores > 1 }.map(\.key).sorted(), weights = self
        var balanced: [MPO<Float>] = []
        while balanced.count < modules.count {
            if stop() { return }
            let first = balanced.count, count = min(Parallel.threads, modules.count - first)
            let found = Mutex<[Int: Result<MPO<Float>, any Error>]>([:])
            Parallel.forEach(count) { i in
                let module = modules[first + i]
                let result = Result { try weights.operatorOf(module).regauged(.balanced) }
                found.withLock { $0[i] = result }
            }
            for i in 0..<count { balanced.append(try found.withLock { $0[i]! }.get()) }
            try progress(.init(phase: .gauge, done: balanced.count, total: modules.count, name: modules[balanced.count - 1]))
        }
        for (module, mpo) in zip(modules, balanced) {
            compress(module, layout: mpo.layout, cores: mpo.cores.map { Tensor($0.values, $0.shape) })
        }
    }

    /// The operator that the cores of a compressed matrix make.
    package func operatorOf(_ module: String) throws(TensorTrainError) -> MPO<Float> {
        try MPO(layout: layouts[module]!, values: coreNames(module).map { tensors[$0]!.floats() })
    }
}
