import Kernels
import TensorTrain
import Trainer

/// A chain of cores that is to become a given matrix: the loss is half of ||W' - T||^2 with T in core order, and everything about it is known.
struct ChainProblem {
    let layout: MPOLayout
    let target: [Double]

    /// A full matrix with singular values that fall, so that some directions learn slowly.
    init(_ layout: MPOLayout, seed: UInt64) {
        self.layout = layout
        var generator = SplitMix64(seed: seed)
        target = (0..<layout.denseCount).map { _ in 2 * generator.nextUnit() - 1 }
    }

    /// Random cores of about the target's size.
    func start(seed: UInt64) -> [Tensor] {
        var generator = SplitMix64(seed: seed)
        return (0..<layout.cores).map { k in
            Tensor((0..<layout.coreCount(k)).map { _ in Float(2 * generator.nextUnit() - 1) }, layout.coreShape(k))
        }
    }

    /// W' in core order, [o1 i1 .. oN iN], in double precision.
    func product(_ cores: [Tensor]) -> [Double] {
        let values = cores.map { $0.doubles() }
        return (1..<layout.cores).reduce(values[0]) { left, k in
            LinearAlgebra.product(m: left.count / layout.bonds[k], n: values[k].count / layout.bonds[k], k: layout.bonds[k], left, values[k])
        }
    }

    func loss(_ cores: [Tensor]) -> Double { zip(product(cores), target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 2 }

    /// dA_k = L^T (W' - T) R^T.
    func gradients(_ cores: [Tensor]) -> [Tensor] {
        let values = cores.map { $0.doubles() }, bonds = layout.bonds, n = layout.cores
        var lefts = [[1.0]], rights = [[1.0]]
        for k in 0..<n - 1 {
            lefts.append(LinearAlgebra.product(m: lefts[k].count / bonds[k], n: values[k].count / bonds[k], k: bonds[k], lefts[k], values[k]))
        }
        for k in (1..<n).reversed() {
            let b = bonds[k + 1], last = rights[0]
            rights.insert(LinearAlgebra.product(m: values[k].count / b, n: last.count / b, k: b, values[k], last), at: 0)
        }
        let difference = zip(product(cores), target).map { $0 - $1 }
        return (0..<n).map { k in
            let (a, b) = (bonds[k], bonds[k + 1]), rows = lefts[k].count / a, columns = rights[k].count / b, middle = layout.products[k]
            let half = LinearAlgebra.product(transposeA: true, m: a, n: middle * columns, k: rows, lefts[k], difference)
            let full = LinearAlgebra.product(transposeB: true, m: a * middle, n: b, k: columns, half, rights[k])
            return Tensor(full.map { Float($0) }, layout.coreShape(k))
        }
    }

    /// The same W' with A_k G in place of A_k and G^-1 A_(k+1), G diagonal.
    func scaled(_ cores: [Tensor], bond: Int, by factors: [Double]) -> [Tensor] {
        var cores = cores
        let width = factors.count, left = cores[bond - 1].doubles(), right = cores[bond].doubles(), columns = right.count / width
        cores[bond - 1] = Tensor(left.enumerated().map { Float($1 * factors[$0 % width]) }, cores[bond - 1].shape)
        cores[bond] = Tensor(right.enumerated().map { Float($1 / factors[$0 / columns]) }, cores[bond].shape)
        return cores
    }

    var chain: TrainedChain { TrainedChain(layout: layout, parameters: Array(0..<layout.cores)) }

    /// Cores and losses on the way of `steps` updates.
    func run(_ optimizer: inout AdamWOptimizer, from start: [Tensor], steps: Int, learningRate: Double) -> (cores: [Tensor], losses: [Double]) {
        let cores = start.map { $0.copy() }
        var losses: [Double] = []
        for _ in 0..<steps {
            let found = gradients(cores)
            losses.append(loss(cores))
            optimizer.update(cores, gradients: { found[$0] }, learningRate: learningRate, gradientScale: 1)
        }
        return (cores, losses)
    }

    func adamW() -> AdamWOptimizer {
        var optimizer = AdamWOptimizer(
            shapes: (0..<layout.cores).map(layout.coreShape), beta1: 0.9, beta2: 0.99, epsilon: 1e-30, weightDecay: 0)
        optimizer.chains = [chain]
        return optimizer
    }

    /// Two to four cores, lopsided and balanced.
    static let layouts: [MPOLayout] = [
        ([12, 1], [1, 10], [1, 4, 1]), ([6, 2], [1, 10], [1, 5, 1]), ([4, 3], [3, 4], [1, 7, 1]), ([3, 2, 2], [2, 2, 3], [1, 4, 3, 1]),
        ([2, 3, 1, 2], [2, 2, 3, 1], [1, 3, 5, 2, 1]),
    ].map { try! MPOLayout(outFactors: $0, inFactors: $1, bonds: $2) }
}

func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
    let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }, size = b.reduce(0) { $0 + $1 * $1 }
    return (difference / max(size, 1e-300)).squareRoot()
}
