import Basics

/// The small files beside a model's weights: configuration, tokenizer, chat template. They travel with checkpoints and exports, byte for byte.
package struct CompanionFiles: Sendable, Equatable {
    package var contents: [String: [UInt8]] = [:]

    package static let names = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
    ]

    package init() {}

    /// Those that a directory has.
    package init(directory: String) throws {
        for name in Self.names + [ChatTemplateSource.additional] {
            let path = directory + "/" + name
            guard FileSystem.kind(of: path) != nil else { continue }
            if let problem = InputFile.problem(at: path) { throw HealError(.model, "\(path): \(problem.words)") }
            let bytes = try FileSystem.readAll(path, limit: .max)
            // An export would carry on what is no such file.
            if let reason = MistakenFile.explanation(of: bytes, expected: name.hasSuffix(".model") ? .binary : .text) {
                throw StorageError(.malformed, file: path, reason)
            }
            contents[name] = bytes
        }
        ChatTemplateSource.gather(&contents)
    }

    package func text(_ name: String) -> String? { contents[name].map { String(decoding: $0, as: UTF8.self) } }
}
