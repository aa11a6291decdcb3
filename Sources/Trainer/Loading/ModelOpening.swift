import Basics
import Foundation
import HealData
import Models
import Storage

extension OpenedModel {
    /// Opens whatever `path` is: a Hugging Face directory, a GGUF file, an `mpo` export, a checkpoint, or a run's directory (its newest checkpoint).
    ///
    /// - Parameters:
    ///   - needsWeights: false opens a Hugging Face directory for a plan only, without its weights.
    ///   - skipped: told of every damaged checkpoint that is newer than the one opened, and why it is not valid.
    package static func open(
        _ path: String, tokenizer tokenizerPath: String? = nil, needsWeights: Bool = true, skipped: (_ checkpoint: String, _ reason: String) -> Void = { _, _ in }
    ) throws -> OpenedModel {
        if let checkpoint = try checkpointPath(path, skipped: skipped) { return try CheckpointReader(checkpoint).model() }
        if MPOExport.isExport(path) { return try MPOExport.open(path) }
        let files = needsWeights ? try ModelFiles.open(path) : try ModelFiles.outline(path)
        var companions = CompanionFiles()
        let tokenizer: any Tokenizer
        var template: String?
        if let tokenizerPath {
            guard let kind = FileSystem.kind(of: tokenizerPath) else { throw StorageError(.notFound, file: tokenizerPath, "no such file or directory") }
            let directory = kind == .directory ? tokenizerPath : FileSystem.parent(of: tokenizerPath)
            companions = try CompanionFiles(directory: directory)
            tokenizer = try TokenizerFiles.load(directory: directory)
            template = try ChatTemplateSource.read(companions)
        } else {
            switch files.tokenizer {
            case .directory(let directory):
                companions = try CompanionFiles(directory: directory)
                tokenizer = try TokenizerFiles.load(directory: directory)
                template = try ChatTemplateSource.read(companions)
            case .gguf(let values):
                let vocabulary = GGUFVocabulary(values)
                tokenizer = try vocabulary.tokenizer(file: path)
                companions = try GGUFCompanions.files(values, vocabulary: vocabulary)
                template = values.chatTemplate
            case .none:
                throw HealError(.model, "\(path): the model has no tokenizer beside it; set `tokenizer` to a directory with tokenizer.json or tokenizer.model")
            }
        }
        companions.contents["config.json"] = nil  // The configuration is kept on its own.
        return OpenedModel(
            path: path, configuration: files.configuration, source: files.weights, layouts: [:], companions: companions, tokenizer: tokenizer,
            chatTemplateSource: template, warnings: files.warnings)
    }

    /// Whether `path` is `RUN/latest` or `RUN/best`: names, not files.
    package static func isCheckpointName(_ path: String) -> Bool {
        ["latest", "best"].contains(FileSystem.name(of: path)) && path.contains("/") && FileSystem.kind(of: path) == nil
    }

    /// The checkpoint file that `path` means, or nil if it means none: a `.h5` file, `latest` or `best` in a run's directory, or the directory itself.
    package static func checkpointPath(_ path: String, skipped: (_ checkpoint: String, _ reason: String) -> Void = { _, _ in }) throws -> String? {
        if path.hasSuffix(".h5") { return path }
        let name = FileSystem.name(of: path), isName = isCheckpointName(path)
        let directory: String
        if isName {
            directory = FileSystem.parent(of: path)
        } else if FileSystem.kind(of: path) == .directory, FileSystem.kind(of: path + "/config.json") == nil {
            directory = path
        } else {
            return nil
        }
        let checkpoints = CheckpointDirectory(path: directory)
        guard !(try checkpoints.entries()).isEmpty else {
            if isName { throw HealError(.checkpoint, "\(directory): there is no checkpoint here") }
            return nil
        }
        let search = try checkpoints.newestValid(CheckpointReader.sound)
        guard let newest = search.newest else {
            throw HealError(.checkpoint, "\(directory): no checkpoint here is valid", details: search.invalid.flatMap { HealError.lines(of: $0.reason) })
        }
        for (entry, reason) in search.invalid { skipped(entry.path, HealError.lines(of: reason).joined(separator: " ")) }
        return isName && name == "best" ? try bestPath(newest.entry.path, directory) : newest.entry.path
    }

    /// The checkpoint with the best evaluation, by the newest one.
    private static func bestPath(_ newest: String, _ directory: String) throws -> String {
        guard let best = try CheckpointReader(newest).progress().best else {
            throw HealError(.checkpoint, "\(newest): does not say which checkpoint is the best; the run needs load_best_model_at_end or metric_for_best_model for that")
        }
        let path = directory + "/" + CheckpointDirectory.fileName(step: best.step)
        guard FileSystem.kind(of: path) == .file else { throw HealError(.checkpoint, "\(path): the best checkpoint of the run is not there any more") }
        return path
    }
}

/// Where a model keeps its chat template.
package enum ChatTemplateSource {
    package static func read(_ files: CompanionFiles) throws -> String? {
        if let jinja = files.text("chat_template.jinja") { return jinja }
        guard let bytes = files.contents["tokenizer_config.json"] else { return nil }
        guard let value = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
            throw HealError(.model, "tokenizer_config.json: is not a JSON object")
        }
        switch value["chat_template"] {
        case let text as String: return text
        case let named as [String: String]: return try chosen(named)
        case let list as [[String: Any]]:
            let pairs = list.compactMap { entry in (entry["name"] as? String).flatMap { name in (entry["template"] as? String).map { (name, $0) } } }
            return try chosen(Dictionary(pairs) { _, last in last })
        case nil, is NSNull: return nil
        default: throw HealError(.model, "tokenizer_config.json: `chat_template` must be a text, or a list of objects with `name` and `template`")
        }
    }

    private static func chosen(_ named: [String: String]) throws -> String? {
        if let source = combined(named) { return source }
        throw HealError(
            .model, "tokenizer_config.json: none of the chat templates is named \"default\" or \"tool_use\" (there are \(named.keys.sorted().joined(separator: ", "))); "
                + "put the one to use beside it as chat_template.jinja")
    }

    static let additional = "additional_chat_templates/tool_use.jinja"

    /// Puts the template for rows with tools, a file of its own, into the other's.
    static func gather(_ files: inout [String: [UInt8]]) {
        guard let forTools = files.removeValue(forKey: additional) else { return }
        var named = ["tool_use": String(decoding: forTools, as: UTF8.self)]
        named["default"] = files["chat_template.jinja"].map { String(decoding: $0, as: UTF8.self) }
        files["chat_template.jinja"] = combined(named).map { Array($0.utf8) }
    }

    /// Of several named templates, transformers takes "tool_use" where there are tools and "default" where not. One source says the same.
    private static func combined(_ named: [String: String]) -> String? {
        guard let forTools = named["tool_use"].map(whole) else { return named["default"] }
        let otherwise = named["default"].map(whole) ?? "{{ raise_exception('the model has a chat template for rows with tools alone') }}"
        // The empty expressions keep blanks and line feeds beside the tags.
        return "{% if tools %}{{ '' }}\(forTools){{ '' }}{% else %}{{ '' }}\(otherwise){{ '' }}{% endif %}"
    }

    /// A line feed at the end of a source is not written.
    private static func whole(_ source: String) -> String { source.hasSuffix("\n") ? String(source.dropLast()) : source }
}

extension GGUFVocabulary {
    /// The plain values of a GGUF file, as the tokenizers take them.
    init(_ g: GGUFTokenizer) {
        self.init(model: g.kind, pre: g.pre, tokens: g.tokens.map { Array($0.utf8) })
        scores = g.scores
        tokenTypes = g.types.map { Int32(clamping: $0) }
        merges = g.merges.map { Array($0.utf8) }
        func id(_ value: Int?) -> Int32? { value.map { Int32(clamping: $0) } }
        special = SpecialTokens(bos: id(g.beginOfSequence), eos: id(g.endOfSequence), pad: id(g.padding), unk: id(g.unknown))
        addBos = g.addsBeginOfSequence
        addEos = g.addsEndOfSequence
        if let prefix = g.addsSpacePrefix { addSpacePrefix = prefix }
    }
}
