import Basics
import Foundation
import Storage

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
        for name in Self.names {
            let path = URL(fileURLWithPath: directory).appendingPathComponent(name).path
            guard FileSystem.kind(of: path) != nil else { continue }
            let bytes = try FileSystem.readAll(path)
            // An export would carry on what is no such file.
            if let reason = MistakenFile.explanation(of: bytes, expected: name.hasSuffix(".model") ? .binary : .text) {
                throw StorageError(.malformed, file: path, reason)
            }
            contents[name] = bytes
        }
    }

    /// Writes them into an existing directory.
    package func write(to directory: String, except excluded: Set<String> = []) throws {
        for (name, bytes) in contents where !excluded.contains(name) {
            try Data(bytes).write(to: URL(fileURLWithPath: directory).appendingPathComponent(name))
        }
    }

    package func text(_ name: String) -> String? { contents[name].map { String(decoding: $0, as: UTF8.self) } }

    /// Runs `body` with a directory that holds the files for as long as it runs.
    package func withDirectory<T>(_ body: (String) throws -> T) throws -> T {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("heal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try write(to: url.path)
        return try body(url.path)
    }
}
