import Autograd
import Cluster
import Kernels

/// Sums the gradients of one window over all ranks, while the backward pass of its last micro-batch still works on the blocks below.
///
/// Gradients travel as they are, tensor by tensor, in place. All ranks must begin their sums in the same order, so the order is fixed beforehand,
/// and a tensor sets out when it and all before it are complete. Nothing but gradients of trained parameters is sent.
final class GradientExchange {
    private let gradients: Gradients
    private let cluster: any Communicator
    private let order: [Int]
    private var isComplete: [Bool]
    /// How many of `order` have set out.
    private var begun = 0
    /// Bytes that have set out.
    private(set) var bytes = 0

    /// - Parameter order: each parameter once.
    init(_ gradients: Gradients, order: [Int], over cluster: any Communicator) {
        self.gradients = gradients
        self.cluster = cluster
        self.order = order
        isComplete = Array(repeating: false, count: order.count)
    }

    /// The parameters about as a backward pass completes them: what follows the blocks, the blocks from the last to the first, the embedding.
    static func order(_ names: [String]) -> [Int] {
        func depth(_ name: String) -> Int {
            let parts = name.split(separator: ".")
            if parts.count > 2, parts[1] == "layers", let block = Int(parts[2]) { return block }
            return name.hasPrefix("model.embed_tokens") ? -1 : .max
        }
        let depths = names.map(depth)
        return names.indices.sorted { (depths[$0], $0) > (depths[$1], $1) }
    }

    /// Nothing more will be added to this parameter's gradient in this window.
    func complete(_ parameter: Int) {
        isComplete[parameter] = true
        while begun < order.count, isComplete[order[begun]] { begin() }
        cluster.progress()
    }

    /// Sends what has not set out and waits for all of it: after this `gradients` are those of all ranks.
    func finish() {
        guard !cluster.isAlone else { return }
        while begun < order.count { begin() }
        cluster.finishSums()
    }

    private func begin() {
        let gradient = gradients[order[begun]]
        cluster.startSum(UnsafeMutableBufferPointer(start: gradient.base.f32, count: gradient.count))
        bytes += gradient.byteCount
        begun += 1
    }
}
