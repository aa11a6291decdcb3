import Kernels
import Models
import TensorTrain

/// What a checkpoint takes on disk, known from the plan before anything is computed.
package struct CheckpointSize {
    /// Bytes of the cores, of both moments of each, and of everything that is not trained.
    package let cores: Int, moments: Int, frozen: Int
    private let tensors: Int, companions: Int

    /// A dataset's header, name, checksum and place in its group; and what a file has once. As measured on files of 330 datasets.
    static let overhead = (dataset: 500, file: 1 << 14)

    /// - Parameters:
    ///   - frozenWidth: bytes of an element that is not trained, as it came: 2 or 4.
    ///   - companions: bytes of the tokenizer's files.
    package init(_ plan: CompressionPlan, _ c: Configuration, frozenWidth: Int = 4, companions: Int = 0) {
        let layouts = plan.compressed.compactMap(\.layout)
        cores = layouts.reduce(0) { $0 + $1.coreTotal } * c.masterPrecision.type.size
        moments = layouts.reduce(0) { $0 + Self.moments($1, c) }
        frozen = (plan.otherCount + plan.entries.reduce(0) { $0 + ($1.layout == nil ? $1.denseCount : 0) }) * frozenWidth
        tensors = layouts.reduce(0) { $0 + 3 * $1.cores + 3 } + plan.entries.count
        self.companions = companions
    }

    package var bytes: Int { cores + moments + frozen + companions + tensors * Self.overhead.dataset + Self.overhead.file }

    /// Both moments of one matrix's cores.
    private static func moments(_ layout: MPOLayout, _ c: Configuration) -> Int {
        (0..<layout.cores).reduce(0) { sum, k in
            let count = layout.coreCount(k)
            guard c.optimizer == .adamw8bit, AdamWOptimizer.isLarge(layout.coreShape(k)) else { return sum + 8 * count }
            return sum + 2 * count + 8 * ((count + BlockwiseMoments.block - 1) / BlockwiseMoments.block)
        }
    }
}
