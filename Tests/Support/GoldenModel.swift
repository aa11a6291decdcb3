import Autograd
import Kernels
import Models
import TensorTrain

/// A small model whose numbers are known: read as `heal` reads any model, but without a tokenizer.
package struct GoldenModel {
    package let configuration: LlamaConfiguration
    package var weights: ModelWeights

    /// - Parameter path: a Hugging Face directory or a GGUF file. bf16 stays bf16, all else becomes f32.
    package init(path: String) throws {
        let files = try ModelFiles.open(path), source = files.weights
        configuration = files.configuration
        weights = ModelWeights()
        for (name, shape) in configuration.expectedWeights() {
            let narrow = try source.elementType(of: name) == .bfloat16
            let tensor = Tensor(shape, narrow ? .bf16 : .f32)
            if narrow {
                try source.readBFloat16(name, into: UnsafeMutableBufferPointer(start: tensor.base.bf16, count: tensor.count))
            } else {
                try source.read(name, into: UnsafeMutableBufferPointer(start: tensor.base.f32, count: tensor.count))
            }
            weights.tensors[name] = tensor
        }
    }

    /// `Tests/Golden/models/<family>`.
    package init(family: String) throws { try self.init(path: GoldenFiles.path("models/\(family)")) }

    /// With `compute` f64 every weight is wide, so that nothing is rounded on the way.
    package func model(
        compute: DType, longestContext: Int = 64, trains: (String) -> Bool = { _ in false },
        plan: (String, MPOLayout) -> ContractionPlan = { _, _ in .rebuild }, keepsRebuilt: Bool = true
    ) -> LlamaModel {
        var weights = weights
        if compute == .f64 {
            for (name, tensor) in weights.tensors { weights.tensors[name] = Elementwise.convert(Elementwise.convert(tensor, to: .f32), to: .f64) }
        }
        return LlamaModel(configuration, weights, compute: compute, longestContext: longestContext, trains: trains, plan: plan, keepsRebuilt: keepsRebuilt)
    }
}

extension TokenInput {
    /// Several samples in one row: positions restart, attention stays inside each.
    package init(packing samples: [[Int32]]) {
        self.init(
            tokens: samples.flatMap { $0 }, positions: samples.flatMap { $0.indices.map(Int32.init) },
            segments: samples.reduce(into: [0]) { $0.append($0.last! + $1.count) })
    }
}
