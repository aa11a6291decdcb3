import Basics
import Foundation
import Storage

/// A model on disk, recognised and checked: configuration, weights under Hugging Face names, and where its tokenizer is.
package struct ModelFiles: Sendable {
    package enum Tokenizer: Sendable {
        /// Holds `tokenizer.json` or `tokenizer.model`, and perhaps `tokenizer_config.json`.
        case directory(String)
        /// Inside a GGUF file.
        case gguf(GGUFTokenizer)
        case none
    }

    /// The directory or file.
    package let path: String
    package let configuration: LlamaConfiguration
    package let weights: any WeightSource
    package let tokenizer: Tokenizer
    /// What is no mistake but should be said: tensors that nothing uses, a configuration that its weights contradict.
    package let warnings: [String]

    package static let accepted = "a Hugging Face directory (config.json and *.safetensors) or a GGUF file"

    /// Opens a Hugging Face directory, a GGUF file, or a directory with nothing but one GGUF file. No weight is read yet,
    /// but all are known to be there in the right shapes.
    package static func open(_ path: String) throws -> ModelFiles {
        switch FileSystem.kind(of: path) {
        case nil: throw StorageError(.notFound, file: path, "there is no such model; give \(accepted)\(ForeignModel.hubAdvice(path))")
        case .directory: return try openDirectory(path)
        case .file:
            let isGGUF = try MappedFile(path: path).withBytes { $0.starts(with: "GGUF".utf8) }
            if isGGUF || path.hasSuffix(".gguf") { return try openGGUF(path) }
            throw StorageError(.unsupported, file: path, "\(try ForeignModel.explanation(file: path) ?? "is not a model"); give \(accepted)")
        case .other: throw StorageError(.unsupported, file: path, "is neither a file nor a directory; give \(accepted)")
        }
    }

    /// A Hugging Face directory without its weights: what a plan needs.
    package static func outline(_ directory: String) throws -> ModelFiles {
        let names = try FileSystem.names(in: directory), configuration = try LlamaConfiguration(huggingFaceDirectory: directory)
        let hasTokenizer = names.contains("tokenizer.json") || names.contains("tokenizer.model")
        return ModelFiles(
            path: directory, configuration: configuration, weights: AbsentWeights(path: directory), tokenizer: hasTokenizer ? .directory(directory) : .none,
            warnings: [])
    }

    private static func openDirectory(_ path: String) throws -> ModelFiles {
        let names = try FileSystem.names(in: path)
        guard names.contains("config.json") else {
            let files = names.filter { $0.hasSuffix(".gguf") }
            if let file = files.count == 1 ? files[0] : GGUFSplit.firstPart(of: files) { return try openGGUF(path + "/" + file) }
            if !files.isEmpty { throw StorageError(.notFound, file: path, "holds no config.json; it has \(files.count) GGUF files: name one of them") }
            throw StorageError(.notFound, file: path, "\(ForeignModel.explanation(directory: path) ?? "holds no config.json"); give \(accepted)")
        }
        let configuration = try LlamaConfiguration(huggingFaceDirectory: path)
        // Some of these programs give a file its final size before they have its bytes.
        if let unfinished = ForeignModel.unfinishedDownload(names) { throw StorageError(.truncated, file: path, unfinished) }
        guard names.contains(SafetensorsDirectory.singleName) || names.contains(SafetensorsDirectory.indexName) else {
            let instead = ForeignModel.explanation(directory: path).map { "; it \($0)" } ?? ""
            throw StorageError(.notFound, file: path, "holds neither \(SafetensorsDirectory.singleName) nor \(SafetensorsDirectory.indexName)\(instead)")
        }
        return try checked(path, configuration, SafetensorsDirectory(path: path), hasTokenizer: names.contains("tokenizer.json") || names.contains("tokenizer.model"))
    }

    private static func checked(
        _ path: String, _ stated: LlamaConfiguration, _ weights: SafetensorsDirectory, hasTokenizer: Bool
    ) throws -> ModelFiles {
        let config = path + "/config.json"
        var configuration = stated, warnings: [String] = []
        if try weights.contradictTie(of: stated) {
            configuration.untieWordEmbeddings()
            warnings.append("\(config): tie_word_embeddings is true, but the files have a lm_head.weight that differs from the embedding; it is used, as transformers does")
        }
        try configuration.check(weights, file: path)
        if let unused = UnusedWeights.warning(weights.names, of: configuration, file: config) { warnings.append(unused) }
        return ModelFiles(
            path: path, configuration: configuration, weights: weights, tokenizer: hasTokenizer ? .directory(path) : .none, warnings: warnings)
    }

    private static func openGGUF(_ path: String) throws -> ModelFiles {
        if FileSystem.kind(of: path + ".aria2") != nil { throw StorageError(.truncated, file: path, "\(path).aria2 lies beside it: the download was not completed") }
        let file = try GGUFFile(path: path)
        let configuration = try LlamaConfiguration(gguf: file)
        let weights = try GGUFWeights(file)
        try configuration.check(weights, file: path)
        let tokenizer = try GGUFTokenizer(file), unused = UnusedWeights.warning(weights.names + weights.others, of: configuration, file: path)
        return ModelFiles(
            path: path, configuration: configuration, weights: weights, tokenizer: tokenizer.map { .gguf($0) } ?? .none, warnings: [unused].compactMap { $0 })
    }
}
