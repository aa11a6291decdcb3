import Basics
import HealData
import Kernels
import Models
import Storage
import TensorTrain

/// Writes and opens a model as its cores: one safetensors file, and a manifest that says how they contract.
package enum MPOExport {
    /// Writes `mpo.json`, `mpo.safetensors`, `config.json` and the tokenizer's files.
    ///
    /// Cores are brought to a gauge in which they have as few numbers as the operator takes (`InterpolativeMPO`). `bf16` rounds every tensor; `fp32` writes each as it is
    /// held, cores as they are in that gauge (what is held in bfloat16 stays so). The weights are not called `model.safetensors`, so that no tool takes the directory for a dense model.
    /// The directory appears when it is complete.
    ///
    /// - Parameters:
    ///   - overwrite: whether anything but an earlier export may be replaced.
    ///   - progress: called after each tensor.
    /// - Throws: as `HuggingFaceExport.write`, and `export` where the model has no cores.
    @discardableResult
    package static func write(
        _ opened: OpenedModel, weights: ModelWeights, to directory: String, dtype: ExportDType, overwrite: Bool = false,
        progress: (ExportProgress) throws -> Void = { _ in }
    ) throws -> ExportSummary {
        guard !weights.layouts.isEmpty else {
            throw HealError(.export, "\(opened.path): the model has no compressed matrix; export it as hf instead")
        }
        let tensors = ExportedTensors(configuration: opened.configuration, weights: weights)
        try tensors.check(path: opened.path)
        let companions = try opened.companionsForExport()
        let names = opened.configuration.expectedWeights().map(\.name)
        func type(_ tensor: Tensor) -> ElementType { tensor.dtype == .bf16 ? .bfloat16 : dtype.elementType }
        let plan = names.flatMap { name in
            guard let module = tensors.compressedModule(name) else {
                let held = weights.tensors[name]!
                return [TensorDescription(name: name, type: type(held), shape: held.shape)]
            }
            return weights.coreNames(module).enumerated().map { k, core in
                TensorDescription(name: core, type: type(weights.tensors[core]!), shape: storedShape(k, weights.layouts[module]!))
            }
        }
        let bytes = plan.reduce(0) { $0 + ($1.byteCount ?? 0) }, parameters = plan.reduce(0) { $0 + $1.shape.reduce(1, *) }
        try ExportDirectory.write(directory, bytes: bytes, overwrite: overwrite) { temporary in
            let writer = try SafetensorsWriter(
                path: temporary + "/" + MPOManifest.weightsName, tensors: plan, metadata: ExportDirectory.metadata)
            var manifest = MPOManifest(layouts: weights.layouts, pivots: [:])
            for (done, name) in names.enumerated() {
                if let module = tensors.compressedModule(name) {
                    let stored: InterpolativeMPO<Float>
                    do { stored = try InterpolativeMPO(weights.operatorOf(module)) } catch { throw HealError(.export, "\(module): \(error)") }
                    for (core, values) in zip(weights.coreNames(module), stored.values) { try writer.write(core, values) }
                    manifest.pivots[module] = stored.pivots
                } else {
                    try writer.write(name, weights.tensors[name]!, as: type(weights.tensors[name]!))
                }
                try progress(ExportProgress(done: done + 1, total: names.count, name: name))
            }
            try writer.finish()
            let config = HuggingFaceCompatibility.configuration(opened.configuration, dtype: dtype)
            var files = companions.contents
            for (name, value) in [(MPOManifest.fileName, manifest.json(dtype: dtype, parameters: parameters)), ("config.json", config)] {
                files[name] = Array((value.text() + "\n").utf8)
            }
            try ExportDirectory.writeFiles(files, in: temporary)
        }
        return ExportSummary(directory: directory, parameters: parameters, bytes: bytes)
    }

    /// Of core k, counted from zero: columns that are pivots are left out.
    private static func storedShape(_ k: Int, _ layout: MPOLayout) -> [Int] {
        k > 0 && layout.hasFreeGauge ? [layout.bonds[k], layout.coreCount(k) / layout.bonds[k] - layout.bonds[k]] : layout.coreShape(k)
    }

    /// Whether `path` is a directory with a manifest.
    package static func isExport(_ path: String) -> Bool { FileSystem.kind(of: path + "/" + MPOManifest.fileName) == .file }

    /// Opens an export; no weight is read yet, but all are known to be there in the right shapes.
    ///
    /// - Throws: where manifest, configuration and weights contradict each other, with everything that does.
    package static func open(_ path: String) throws -> OpenedModel {
        let manifest = try MPOManifest(directory: path)
        let configuration = try LlamaConfiguration(huggingFaceDirectory: path)
        let source = try SafetensorsDirectory(file: path + "/" + MPOManifest.weightsName)
        let contents = CompressedContents(configuration: configuration, layouts: manifest.layouts) { module, k in
            let layout = manifest.layouts[module]!
            return manifest.pivots[module] == nil ? layout.coreShape(k) : storedShape(k, layout)
        }
        let problems = try contents.problems(in: source)
        guard problems.isEmpty else {
            throw HealError(.model, "\(path): manifest, configuration and weights contradict each other; export it again", details: Array(problems.prefix(20)))
        }
        var companions = try CompanionFiles(directory: path)
        let tokenizer = try TokenizerFiles.load(directory: path)
        let template = try ChatTemplateSource.read(companions)
        companions.contents["config.json"] = nil  // The configuration is kept on its own.
        return OpenedModel(
            path: path, configuration: configuration, source: MPOExportSource(source, manifest), layouts: manifest.layouts, companions: companions, tokenizer: tokenizer,
            chatTemplateSource: template)
    }
}
