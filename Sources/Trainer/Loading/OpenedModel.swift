import Foundation
import HealData
import Kernels
import Models
import Storage
import TensorTrain

/// A model as it lies on disk, whatever the form: configuration, tokenizer, the files beside it, and weights still to be read.
///
/// A Hugging Face directory or GGUF has dense weights only; an `mpo` export or a checkpoint brings cores and layouts.
package struct OpenedModel: Sendable {
    package let path: String
    package let configuration: LlamaConfiguration
    package let source: any WeightSource
    /// Matrices whose cores are in `source` already.
    package let layouts: [String: MPOLayout]
    package let companions: CompanionFiles
    package let tokenizer: any Tokenizer
    /// The model's own chat template in Jinja, if it has one.
    package let chatTemplateSource: String?

    package init(
        path: String, configuration: LlamaConfiguration, source: any WeightSource, layouts: [String: MPOLayout], companions: CompanionFiles,
        tokenizer: any Tokenizer, chatTemplateSource: String?
    ) {
        self.path = path
        self.configuration = configuration
        self.source = source
        self.layouts = layouts
        self.companions = companions
        self.tokenizer = tokenizer
        self.chatTemplateSource = chatTemplateSource
    }

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
        let mapped = MappedWeights(source: source)
        for name in names {
            if let tensor = try mapped.tensor(name) {
                weights.tensors[name] = tensor
                continue
            }
            let shape = try source.shape(of: name)
            let narrow = try source.elementType(of: name) == .bfloat16
            let tensor = Tensor(shape, narrow ? .bf16 : .f32)
            if narrow {
                try source.readBFloat16(name, into: UnsafeMutableBufferPointer(start: tensor.base.bf16, count: tensor.count))
            } else {
                try source.read(name, into: UnsafeMutableBufferPointer(start: tensor.base.f32, count: tensor.count))
            }
            weights.tensors[name] = tensor
        }
        return weights
    }

    /// The chat template that `forced` names, or the model's own.
    package func chatTemplate(forced: ChatTemplate.Name?) throws -> ChatTemplate {
        try ChatTemplate.resolve(jinja: chatTemplateSource, modelType: configuration.family.rawValue, forced: forced)
    }
}
