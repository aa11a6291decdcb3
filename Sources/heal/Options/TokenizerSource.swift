import Basics
import HealData
import Trainer

/// A tokenizer with its chat template, from a model or from a directory that holds nothing else.
struct TokenizerSource {
    let tokenizer: any Tokenizer
    /// The template of that name, or the model's own.
    let chatTemplate: (_ forced: ChatTemplate.Name?) throws -> ChatTemplate

    init(_ path: String) throws {
        if Self.holdsTokenizerAlone(path) {
            tokenizer = try TokenizerFiles.load(directory: path)
            let source = try ChatTemplateSource.read(CompanionFiles(directory: path))
            chatTemplate = { forced in
                if forced == nil, source == nil {
                    throw Failure("\(path): there is no chat template; give --template, one of \(ChatTemplate.Name.allValueStrings.joined(separator: ", "))", .badInput)
                }
                return try ChatTemplate.resolve(jinja: source, forced: forced)
            }
        } else {
            try OpenedModel.requireSomething(at: path)
            let opened = try OpenedModel.open(path)
            tokenizer = opened.tokenizer
            chatTemplate = opened.chatTemplate(option:)
        }
    }

    private static func holdsTokenizerAlone(_ path: String) -> Bool {
        guard FileSystem.kind(of: path) == .directory, let names = try? FileSystem.names(in: path) else { return false }
        return names.contains { ["tokenizer.json", "tokenizer.model", "vocab.json"].contains($0) }
            && !names.contains { $0 == "config.json" || $0.hasSuffix(".gguf") || $0.hasSuffix(".h5") }
    }
}
