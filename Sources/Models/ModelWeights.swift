import Kernels
import TensorTrain

/// Every weight of a model by its checkpoint's name, and which matrices are MPOs.
///
/// A compressed matrix `M.weight` has cores `M.cores.0`, `M.cores.1`, .. in place of its weight, and an entry in `layouts` under `M`.
package struct ModelWeights: Sendable {
    package var tensors: [String: Tensor] = [:]
    package var layouts: [String: MPOLayout] = [:]

    package init() {}

    package static func coreName(_ module: String, _ k: Int) -> String { "\(module).cores.\(k)" }

    /// Names of one module's cores in order; empty for a dense one.
    package func coreNames(_ module: String) -> [String] {
        guard let layout = layouts[module] else { return [] }
        return (0..<layout.cores).map { Self.coreName(module, $0) }
    }

    package mutating func compress(_ module: String, layout: MPOLayout, cores: [Tensor]) {
        tensors[module + ".weight"] = nil
        layouts[module] = layout
        for (k, core) in cores.enumerated() { tensors[Self.coreName(module, k)] = core }
    }

    /// What it takes to store them; cores are more while they are trained (`MPOLayout.parameterCount`).
    package var parameterCount: Int {
        tensors.values.reduce(0) { $0 + $1.count } + layouts.values.reduce(0) { $0 + $1.parameterCount - $1.coreTotal }
    }
    /// Names in the one order everything that walks over weights uses.
    package var names: [String] { tensors.keys.sorted() }
}
