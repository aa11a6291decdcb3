import ArgumentParser
import Autograd
import Basics
import HealData
import Kernels
import Models
import Storage
import TensorTrain
import Trainer

/// The type that a model computes in.
enum ComputeType: String, ExpressibleByArgument, CaseIterable {
    case auto, bf16, fp32

    /// Asking for bf16 where the processor has no instructions for it is an error: it would be slow and no more exact.
    ///
    /// - Parameter tokens: how many usually go through the model at once.
    func resolved(_ model: LlamaConfiguration, tokens: Int) throws -> DType {
        let precision: Configuration.Precision =
            switch self {
            case .auto: .auto
            case .bf16: .bf16
            case .fp32: .fp32
            }
        return try ComputeChoice.make(precision, ProductMix(model, tokens: tokens, training: false)).type
    }
}

/// `--model` and `--tokenizer`: the commands that run a model share them.
struct ModelOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A Hugging Face directory, a GGUF file, a checkpoint (.h5), a run's directory (its newest valid checkpoint), or an mpo export.",
            valueName: "model"),
        completion: .file())
    var model: String

    @Option(
        help: ArgumentHelp("A directory to take the tokenizer from, where the model has none.", valueName: "directory"), completion: .directory)
    var tokenizer: String?

    func open() throws -> OpenedModel {
        try OpenedModel.requireSomething(at: model)
        let opened = try OpenedModel.open(model, tokenizer: tokenizer, skipped: Console.warnOfSkipped)
        Console.warn(opened.warnings)
        return opened
    }
}

extension OpenedModel {
    /// Throws where there is nothing at a path given as a model.
    static func requireSomething(at path: String) throws {
        if FileSystem.kind(of: path) != nil || OpenedModel.isCheckpointName(path) { return }
        if let advice = HubName.advice(for: path) { throw Failure("\(path): there is no such model: \(advice)", .missingInput) }
        throw Failure(
            "\(path): there is no such model; expected a Hugging Face directory, a GGUF file, a checkpoint, a run's directory or an mpo export\(ForeignModel.hubAdvice(path))",
            .missingInput)
    }

    /// The model ready to compute.
    ///
    /// - Parameters:
    ///   - context: the longest text it will see, in tokens.
    ///   - tokensPerPass: how many tokens usually go through at once, which decides how compressed matrices are contracted.
    func load(compute: DType, context: Int, tokensPerPass: Int) throws -> LlamaModel {
        // Nothing changes the cores here, so what is rebuilt once serves every pass.
        LlamaModel(
            configuration, try weights(), compute: compute, longestContext: context,
            plan: { _, layout in .choose(layout: layout, tokens: tokensPerPass, rebuildsShared: 1000, training: false) })
    }

    /// The template that `--template` names, or the model's own.
    func chatTemplate(option: ChatTemplate.Name?) throws -> ChatTemplate {
        do {
            return try chatTemplate(forced: option)
        } catch let error as DataError where error.code == .unknownTemplate {
            guard chatTemplateSource == nil else { throw Failure("\(path): \(error.message)".replacing("set `chat_template` to", with: "give --template"), .badInput) }
            let names = ChatTemplate.Name.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure("\(path): the model has no chat template; give --template, one of \(names)", .badInput)
        }
    }

    /// The ids that end a text: the configuration's, the tokenizer's, and those for generation.
    var endTokens: Set<Int32> {
        var ends = Set(configuration.endOfSequence.compactMap { Int32(exactly: $0) })
        if let eos = tokenizer.special.eos { ends.insert(eos) }
        if let text = companions.text("generation_config.json"), let json = try? JSONParser.parse(Array(text.utf8)), let value = json["eos_token_id"] {
            for id in value.elements ?? [value] {
                if case .integer(let id) = id.value, let id = Int32(exactly: id) { ends.insert(id) }
            }
        }
        return ends
    }

    /// Throws unless every id is one of the model's.
    func check(_ ids: [Int32]) throws {
        if let wrong = ids.first(where: { $0 < 0 || Int($0) >= configuration.vocabularySize }) {
            throw Failure("token \(wrong) is not one of the model's: its ids go from 0 to \(configuration.vocabularySize - 1)", .badInput)
        }
    }

    /// The ids of a text as the model was trained to see its beginning: after the tokenizer's own bos, if it puts one there.
    func encode(_ text: String) -> [Int32] {
        let ids = tokenizer.encode(text)
        guard tokenizer.addsBos, let bos = tokenizer.special.bos else { return ids }
        return [bos] + ids
    }
}
