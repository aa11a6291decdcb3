import Kernels
import Models
import TensorTrain

/// The cores of one matrix among the parameters of an optimizer.
package struct TrainedChain: Sendable {
    package let layout: MPOLayout
    /// The parameter's index of each core, in the chain's order.
    package let parameters: [Int]

    package init(layout: MPOLayout, parameters: [Int]) {
        precondition(parameters.count == layout.cores, "\(parameters.count) parameters for \(layout)")
        self.layout = layout
        self.parameters = parameters
    }

    /// The chains of a model whose cores are trained, in the order of their names.
    package static func all(in model: LlamaModel) -> [TrainedChain] {
        let places = Dictionary(uniqueKeysWithValues: model.trained.enumerated().map { ($1, $0) })
        return model.weights.layouts.sorted { $0.key < $1.key }.compactMap { module, layout in
            let found = model.weights.coreNames(module).compactMap { places[$0] }
            return found.count == layout.cores ? TrainedChain(layout: layout, parameters: found) : nil
        }
    }

    /// The norms at the chain's bonds, from the cores among `parameters`.
    func bondNorms(_ parameters: [Tensor]) -> BondNorms {
        let cores = self.parameters.map { Elementwise.convert(parameters[$0], to: .f32) }
        return withExtendedLifetime(cores) {
            BondNorms(layout, cores: cores.map { UnsafeBufferPointer(start: $0.base.f32, count: $0.count) })
        }
    }
}

/// How fast each core of a chain learns.
package enum CoreLearningRate: String, Sendable, CaseIterable {
    /// All at the learning rate.
    case uniform
    /// So that the matrix moves at the learning rate, whatever its legs, bonds and gauge.
    case balanced

    /// What the learning rate is multiplied by for each core of a chain, for an update whose entries are about as large as the rate.
    ///
    /// If the entries of core k change by numbers of mean square e^2 that have nothing to do with one another, W' changes by numbers whose mean square is
    /// e^2 o_k i_k ||L_(k-1)||^2 ||R_k||^2 / (o i). `balanced` makes the root of that equal to the learning rate over the number of cores, so that
    /// W' changes by at most the learning rate in the root mean square, as a dense matrix under AdamW does.
    static func balancedFactors(_ layout: MPOLayout, _ norms: BondNorms) -> [Double] {
        (0..<layout.cores).map { k in
            let around = norms.left[k].reduce(0, +) * norms.right[k + 1].reduce(0, +)
            // A core whose neighbours are zero has no gradient: any factor will do.
            guard around > 0 else { return 1 }
            return (Double(layout.denseCount) / (Double(layout.products[k]) * around)).squareRoot() / Double(layout.cores)
        }
    }
}
