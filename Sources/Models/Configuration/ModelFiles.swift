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

    package static let accepted = "a Hugging Face directory (config.json and *.safetensors) or a GGUF file"

    /// Opens a Hugging Face directory, a GGUF file, or a directory with nothing but one GGUF file. No weight is read yet,
    /// but all are known to be there in the right shapes.
    package static func open(_ path: String) throws -> ModelFiles {
        switch FileSystem.kind(of: path) {
        case nil: throw StorageError(.notFound, file: path, "there is no such model; give \(accepted)")
        case .directory: return try openDirectory(path)
        case .file:
            let isGGUF = try MappedFile(path: path).withBytes { $0.starts(with: "GGUF".utf8) }
            if isGGUF || path.hasSuffix(".gguf") { return try openGGUF(path) }
            throw StorageError(.unsupported, file: path, "is not a model; give \(accepted)")
        case .other: throw StorageError(.unsupported, file: path, "is neither a file nor a directory; give \(accepted)")
        }
    }

    /// A Hugging Face directory without its weights: what a plan needs.
    package static func outline(_ directory: String) throws -> ModelFiles {
        let names = try FileSystem.names(in: directory), configuration = try LlamaConfiguration(huggingFaceDirectory: directory)
        let hasTokenizer = names.contains("tokenizer.json") || names.contains("tokenizer.model")
        return ModelFiles(
            path: directory, configuration: configuration, weights: AbsentWeights(path: directory), tokenizer: hasTokenizer ? .directory(directory) : .none)
    }

    private static func openDirectory(_ path: String) throws -> ModelFiles {
        let names = try FileSystem.names(in: path)
        guard names.contains("config.json") else {
            let files = names.filter { $0.hasSuffix(".gguf") }
            if files.count == 1 { return try openGGUF(path + "/" + files[0]) }
            let hint = files.isEmpty ? "give \(accepted)" : "it has \(files.count) GGUF files: name one of them"
            throw StorageError(.notFound, file: path, "holds no config.json; \(hint)")
        }
        let configuration = try LlamaConfiguration(huggingFaceDirectory: path)
        guard names.contains(SafetensorsDirectory.singleName) || names.contains(SafetensorsDirectory.indexName) else {
            let old = names.contains { $0.hasPrefix("pytorch_model") }
            throw StorageError(
                .notFound, file: path,
                "holds neither \(SafetensorsDirectory.singleName) nor \(SafetensorsDirectory.indexName)"
                    + (old ? "; its pytorch_model files must be converted to safetensors first" : ""))
        }
        let weights = try SafetensorsDirectory(path: path)
        try configuration.check(weights, file: path)
        let hasTokenizer = names.contains("tokenizer.json") || names.contains("tokenizer.model")
        return ModelFiles(path: path, configuration: configuration, weights: weights, tokenizer: hasTokenizer ? .directory(path) : .none)
    }

    private static func openGGUF(_ path: String) throws -> ModelFiles {
        let file = try GGUFFile(path: path)
        let configuration = try LlamaConfiguration(gguf: file)
        let weights = try GGUFWeights(file)
        try configuration.check(weights, file: path)
        let tokenizer = try GGUFTokenizer(file)
        return ModelFiles(path: path, configuration: configuration, weights: weights, tokenizer: tokenizer.map { .gguf($0) } ?? .none)
    }
}
