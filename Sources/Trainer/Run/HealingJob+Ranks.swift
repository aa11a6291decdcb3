import Basics
import Cluster
import Foundation
import HealData
import Kernels
import Models
import Storage
import TensorTrain

/// What keeps the ranks of a job on the same numbers.
extension HealingJob {
    /// Gives every rank the first one's layouts: where processors differ in their last bits, another choice of legs may be the best by a hair.
    func shareLayouts(of weights: inout ModelWeights) throws {
        if cluster.isAlone { return }
        let text = cluster.broadcast(cluster.isFirst ? try CheckpointWriter.json(weights.layouts) : nil)!
        let layouts = try JSONDecoder.ofRecords().decode([String: MPOLayout].self, from: Data(text.utf8))
        for (name, layout) in layouts where weights.layouts[name] != layout {
            let type = weights.tensors[ModelWeights.coreName(name, 0)]!.dtype
            for core in weights.coreNames(name) { weights.tensors[core] = nil }
            // `share` fills them.
            weights.compress(name, layout: layout, cores: (0..<layout.cores).map { Tensor(layout.coreShape($0), type) })
        }
    }

    /// Gives every rank the first one's tensors: decompositions may differ in their last bits where processors do.
    func share(_ weights: ModelWeights, names: [String]) {
        if cluster.isAlone { return }
        for name in names {
            let tensor = weights.tensors[name]!
            cluster.broadcast(UnsafeMutableRawBufferPointer(start: tensor.base, count: tensor.byteCount))
        }
    }

    /// Ranks that read other settings or other rows would train another model each, or wait for one another forever.
    func requireSameInput(_ dataset: Dataset) throws {
        if cluster.isAlone { return }
        if let rank = otherRank(Checksum(of: configuration.canonicalText)) {
            throw HealError(.configuration, "rank \(rank) has another configuration than rank 0; start all ranks with the same file and the same --set")
        }
        if let rank = otherRank(Checksum(of: try CheckpointWriter.json(dataset.fingerprint))) {
            throw HealError(.data, "rank \(rank) reads other data than rank 0; the files of `datasets`, the tokenizer and the template must be the same on all machines")
        }
    }

    /// Ranks with different teachers would pull the one model in different directions.
    func requireSameTeacher(_ teacher: Checksum) throws {
        if cluster.isAlone { return }
        if let rank = otherRank(teacher) {
            throw HealError(.configuration, "rank \(rank) has another teacher than rank 0; `distillation.teacher`, or `model`, must lead to the same files on all machines")
        }
    }

    /// The first rank whose number differs from that of rank 0.
    private func otherRank(_ checksum: Checksum) -> Int? {
        let found = cluster.gather([Double(checksum.value)])
        return found.firstIndex { $0 != found[0] }
    }

    /// Each rank updates its own copy of what is trained. They stay equal, bit for bit, or the run is not worth going on with.
    func requireSameWeights(_ model: LlamaModel, step: Int) throws {
        if cluster.isAlone { return }
        var checksum = Checksum()
        for name in model.trained {
            let tensor = model.weights.tensors[name]!
            checksum.add(UnsafeRawBufferPointer(start: tensor.base, count: tensor.byteCount))
        }
        if let rank = otherRank(checksum) {
            throw HealError(
                .diverged,
                "step \(step): rank \(rank) holds other weights than rank 0; all machines of a run need the same kind of processor and the same libraries. "
                    + "Resume from the last checkpoint")
        }
    }
}

extension Checksum {
    fileprivate init(of text: String) { self = Array(text.utf8).withUnsafeBytes { Checksum(of: $0) } }
}
