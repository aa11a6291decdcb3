import Cluster
import Foundation
import Kernels
import Models
import Storage

/// What keeps the ranks of a job on the same numbers.
extension HealingJob {
    /// Gives every rank the first one's tensors: decompositions may differ in their last bits where processors do.
    func share(_ weights: ModelWeights, names: [String]) {
        if cluster.isAlone { return }
        for name in names {
            let tensor = weights.tensors[name]!
            cluster.broadcast(UnsafeMutableRawBufferPointer(start: tensor.base, count: tensor.byteCount))
        }
    }

    /// Each rank updates its own copy of what is trained. They stay equal, bit for bit, or the run is not worth going on with.
    func requireSameWeights(_ model: LlamaModel, step: Int) throws {
        if cluster.isAlone { return }
        var checksum = Checksum()
        for name in model.trained {
            let tensor = model.weights.tensors[name]!
            checksum.add(UnsafeRawBufferPointer(start: tensor.base, count: tensor.byteCount))
        }
        let found = cluster.gather([Double(checksum.value)])
        if let other = found.firstIndex(where: { $0 != found[0] }) {
            throw HealError(
                .diverged,
                "step \(step): rank \(other) holds other weights than rank 0; all machines of a run need the same kind of processor and the same libraries. "
                    + "Resume from the last checkpoint")
        }
    }
}
