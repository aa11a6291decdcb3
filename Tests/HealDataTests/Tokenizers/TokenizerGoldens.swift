import Foundation
import Testing

@testable import HealData

/// The stored texts and what the reference libraries make of them; `make_goldens.py` beside them says how they were made.
enum TokenizerGoldens {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Golden/tokenizers")

    struct Row: Decodable {
        /// Ids with special tokens parsed.
        let ids: [Int32]
        /// Ids without; nil when they are the same.
        let plain: [Int32]?
    }

    struct Decoded: Decodable {
        let ids: [Int32]
        let skipped: String
        /// nil where the reference has no such mode.
        let kept: String?
    }

    struct Expected: Decodable {
        let rows: [Row]
        let decoded: [Decoded]
    }

    static func texts() throws -> [String] {
        try JSONDecoder().decode([String].self, from: Data(contentsOf: folder.appendingPathComponent("texts.json")))
    }

    static func expected(_ name: String) throws -> Expected {
        try JSONDecoder().decode(Expected.self, from: Data(contentsOf: folder.appendingPathComponent("\(name)/expected.json")))
    }

    static func tokenizer(_ name: String) throws -> BPETokenizer {
        try TokenizerFiles.load(directory: folder.appendingPathComponent(name).path)
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// Folders whose reference finds special tokens in the text.
    static let parsing = [
        "smollm2", "gpt2", "tiktoken_style", "llama3_style", "qwen2_style", "tekken_style", "gpt2_by_regex", "prefix_space",
        "merged_next", "removed", "added_tokens", "llama2_style", "metaspace_first", "metaspace_split",
    ]

    /// Folders whose reference is the bare sentencepiece library, which never does.
    static let bare = ["stories260K", "openllama", "spm_plain", "spm_symbols", "spm_nfkc", "spm_across"]

    /// Checks a tokenizer against the ids stored for `name`.
    static func check(_ tokenizer: some Tokenizer, _ name: String, parsesSpecial: Bool) throws {
        let rows = try expected(name).rows
        let texts = try texts()
        try #require(rows.count == texts.count && rows.count > 200)
        for (text, row) in zip(texts, rows) {
            #expect(tokenizer.encode(text, parseSpecial: false) == row.plain ?? row.ids, "\(name), plain: \(text.debugDescription)")
            if parsesSpecial {
                #expect(tokenizer.encode(text, parseSpecial: true) == row.ids, "\(name): \(text.debugDescription)")
            }
        }
    }
}
