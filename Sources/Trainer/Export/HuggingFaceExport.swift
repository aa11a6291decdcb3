import Models
import Storage

/// Writes a model as the dense Hugging Face directory that it was before compression: stock tools load it without any code of ours.
package enum HuggingFaceExport {
    /// Writes `config.json`, `model.safetensors` (or shards of at most 5 GB with their index), and the tokenizer's files.
    ///
    /// Each compressed matrix is contracted in float32 and written before the next one, so one dense matrix is in memory at a time.
    /// `fp32` keeps every stored float32 and bfloat16 number exactly. The directory appears when it is complete.
    ///
    /// - Parameters:
    ///   - overwrite: whether anything but an earlier export may be replaced.
    ///   - progress: called after each tensor.
    /// - Throws: `export` where the target must not be replaced, the model is not whole or has no tokenizer files; `StorageError` where
    ///   the files cannot be written. Nothing is left behind then.
    @discardableResult
    package static func write(
        _ opened: OpenedModel, weights: ModelWeights, to directory: String, dtype: ExportDType, overwrite: Bool = false,
        progress: (ExportProgress) throws -> Void = { _ in }
    ) throws -> ExportSummary {
        try write(opened, weights, directory, dtype, overwrite, shardSize: ShardedSafetensorsWriter.defaultShardSize, progress)
    }

    static func write(
        _ opened: OpenedModel, _ weights: ModelWeights, _ directory: String, _ dtype: ExportDType, _ overwrite: Bool, shardSize: Int,
        _ progress: (ExportProgress) throws -> Void
    ) throws -> ExportSummary {
        let configuration = opened.configuration
        let tensors = ExportedTensors(configuration: configuration, weights: weights)
        try tensors.check(path: opened.path)
        let companions = try opened.companionsForExport()
        let plan = configuration.expectedWeights().map { TensorDescription(name: $0.name, type: dtype.elementType, shape: $0.shape) }
        let bytes = plan.reduce(0) { $0 + ($1.byteCount ?? 0) }
        try ExportDirectory.write(directory, bytes: bytes, overwrite: overwrite) { temporary in
            let writer = try ShardedSafetensorsWriter(
                directory: temporary, tensors: plan, shardSize: shardSize, metadata: ExportDirectory.metadata)
            for (done, tensor) in plan.enumerated() {
                try writer.write(tensor.name, tensors.dense(tensor.name), as: tensor.type)
                try progress(ExportProgress(done: done + 1, total: plan.count, name: tensor.name))
            }
            try writer.finish()
            var files = companions.contents
            files["config.json"] = Array((HuggingFaceCompatibility.configuration(configuration, dtype: dtype).text() + "\n").utf8)
            try ExportDirectory.writeFiles(files, in: temporary)
        }
        return ExportSummary(directory: directory, parameters: plan.reduce(0) { $0 + $1.shape.reduce(1, *) }, bytes: bytes)
    }
}
