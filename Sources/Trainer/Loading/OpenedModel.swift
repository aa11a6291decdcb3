import Foundation
import HealData
import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// A model as it lies on disk, whatever the form: configuration, tokenizer, the files beside it, and weights still to be read.
///
/// A Hugging Face directory or GGUF has dense weights only; an `mpo` export or a checkpoint brings cores and layouts.
package struct OpenedModel: Sendable {
    package let path: String
    package let configuration: LlamaConfiguration
    /// Gives finite numbers only: a tensor with NaN or infinity in it is refused when it is first read.
    package let source: FiniteWeights
    /// Matrices whose cores are in `source` already.
    package let layouts: [String: MPOLayout]
    package let companions: CompanionFiles
    package let tokenizer: any Tokenizer
    /// The model's own chat template in Jinja, if it has one.
    package let chatTemplateSource: String?
    /// What is no mistake in the files but should be said.
    package let warnings: [String]
    /// Where a compressed model's dense original was when it was compressed, if its files tell.
    let origin: String?

    package init(
        path: String, configuration: LlamaConfiguration, source: any WeightSource, layouts: [String: MPOLayout], companions: CompanionFiles,
        tokenizer: any Tokenizer, chatTemplateSource: String?, warnings: [String] = [], origin: String? = nil
    ) {
        self.path = path
        self.configuration = configuration
        self.source = FiniteWeights(source)
        self.layouts = layouts
        self.companions = companions
        self.tokenizer = tokenizer
        self.chatTemplateSource = chatTemplateSource
        self.warnings = warnings
        self.origin = origin
    }

    /// The place of the dense model that this is, or was compressed from; nil if nobody knows.
    var densePath: String? { origin ?? (layouts.isEmpty ? URL(fileURLWithPath: path).standardizedFileURL.path : nil) }

    /// What the files hold, except the matrices in `leavingOut` (those about to be decomposed).
    ///
    /// Tensors in bf16 or float32 are not read but mapped, where the file has them in one piece: nobody may write them. Otherwise bf16 stays bf16, and
    /// everything else becomes float32, which holds it exactly.
    package func weights(leavingOut: Set<String> = []) throws -> ModelWeights { try weights { !leavingOut.contains($0) } }

    /// The tensors of one part of the model, such as a block, named without the last dot.
    package func weights(of part: String) throws -> ModelWeights { try weights { $0 == part || $0.hasPrefix(part + ".") } }

    /// The tensors of the modules that `chosen` names.
    private func weights(where chosen: (String) -> Bool) throws -> ModelWeights {
        var weights = ModelWeights()
        var names: [String] = []
        for (name, _) in configuration.expectedWeights() {
            let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
            if let layout = layouts[module] {
                guard chosen(module) else { continue }
                weights.layouts[module] = layout
                names += weights.coreNames(module)
            } else if chosen(module) {
                names.append(name)
            }
        }
        for name in names { weights.tensors[name] = try tensor(name) }
        return weights
    }

    /// Names of the tensors that make up the model, sorted; the files may hold others.
    package var usedNames: [String] {
        configuration.expectedWeights().flatMap { name, _ in
            let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
            return layouts[module].map { layout in (0..<layout.cores).map { ModelWeights.coreName(module, $0) } } ?? [name]
        }.sorted()
    }

    /// Reads every tensor once.
    ///
    /// - Parameter progress: called with the number of tensors done and of all.
    /// - Returns: what is wrong: of each tensor with NaN or infinity in it, the first place.
    package func unusableNumbers(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws -> [any Error] {
        // Large ones first, so that no thread is left alone with one at the end.
        let names = try usedNames.map { ($0, try source.shape(of: $0).reduce(1, *)) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0)
        let failures = Mutex([String: any Error]())
        for start in stride(from: 0, to: names.count, by: 16) {
            let part = names[start..<min(names.count, start + 16)]
            Parallel.forEach(part.count) { index in
                let name = part[part.startIndex + index]
                do { try source.check(name) } catch { failures.withLock { $0[name] = error } }
            }
            progress(part.endIndex, names.count)
        }
        return failures.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
    }

    /// One tensor that the files hold, as `weights` has it.
    func tensor(_ name: String) throws -> Tensor {
        if let mapped = try MappedWeights(source: source).tensor(name) { return mapped }
        let shape = try source.shape(of: name)
        let narrow = try source.elementType(of: name) == .bfloat16
        let tensor = Tensor(shape, narrow ? .bf16 : .f32)
        if narrow {
            try source.readBFloat16(name, into: UnsafeMutableBufferPointer(start: tensor.base.bf16, count: tensor.count))
        } else {
            try source.read(name, into: UnsafeMutableBufferPointer(start: tensor.base.f32, count: tensor.count))
        }
        return tensor
    }

    /// The chat template that `forced` names, or the model's own.
    package func chatTemplate(forced: ChatTemplate.Name?) throws -> ChatTemplate {
        try ChatTemplate.resolve(jinja: chatTemplateSource, modelType: configuration.family.rawValue, forced: forced)
    }
}
