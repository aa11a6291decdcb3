import Autograd
import Basics
import Kernels
import Models
import Storage
import TensorTrain

/// What the exports ask of a model's weights: that they are whole, and one tensor after the other as floats.
struct ExportedTensors {
    let configuration: LlamaConfiguration
    let weights: ModelWeights

    /// The weights that the configuration asks for, in the order of use. A tied head is not among them.
    ///
    /// - Throws: `export`, naming every weight that is absent or has another shape.
    func check(path: String) throws {
        var problems: [String] = []
        for (name, shape) in configuration.expectedWeights() {
            if let module = compressedModule(name), let layout = weights.layouts[module] {
                if [layout.rows, layout.columns] != shape { problems.append("\(name): cores of a \(layout.rows) x \(layout.columns) matrix, not of \(shape)") }
                for (k, core) in weights.coreNames(module).enumerated() where weights.tensors[core]?.shape != layout.coreShape(k) {
                    problems.append("\(core): \(weights.tensors[core].map { "has the shape \($0.shape)" } ?? "is missing"), not \(layout.coreShape(k))")
                }
            } else if weights.tensors[name]?.shape != shape {
                problems.append("\(name): \(weights.tensors[name].map { "has the shape \($0.shape)" } ?? "is missing"), not \(shape)")
            }
        }
        guard problems.isEmpty else {
            throw HealError(.export, "\(path): the model is not whole", details: Array(problems.prefix(20)))
        }
    }

    /// The module whose cores stand for the weight `name`; nil for one that is dense.
    func compressedModule(_ name: String) -> String? { Self.compressedModule(name, weights.layouts) }

    static func compressedModule(_ name: String, _ layouts: [String: MPOLayout]) -> String? {
        guard name.hasSuffix(".weight") else { return nil }
        let module = String(name.dropLast(".weight".count))
        return layouts[module] == nil ? nil : module
    }

    /// A weight as a dense tensor; of a compressed one the matrix its cores contract to, in float32 throughout, as training in float32 sees it.
    func dense(_ name: String) -> Tensor {
        guard let module = compressedModule(name), let layout = weights.layouts[module] else { return weights.tensors[name]! }
        return DenseForm(layout).dense(weights.coreNames(module).map { weights.tensors[$0]! }, type: .f32)
    }
}

/// Either writer of safetensors.
protocol TensorWriter {
    func write(_ name: String, _ values: UnsafeBufferPointer<Float>) throws(StorageError)
    func write(_ name: String, bytes: UnsafeRawBufferPointer) throws(StorageError)
}

extension SafetensorsWriter: TensorWriter {}
extension ShardedSafetensorsWriter: TensorWriter {}

extension TensorWriter {
    /// Writes `tensor` as the type that was planned for it.
    func write(_ name: String, _ tensor: Tensor, as type: ElementType) throws(StorageError) {
        if tensor.dtype == .bf16, type == .bfloat16 {
            return try write(name, bytes: UnsafeRawBufferPointer(start: tensor.base, count: tensor.byteCount))
        }
        let wide = Elementwise.convert(tensor, to: .f32)
        defer { withExtendedLifetime(wide) {} }
        try write(name, UnsafeBufferPointer(start: wide.base.f32, count: wide.count))
    }
}
