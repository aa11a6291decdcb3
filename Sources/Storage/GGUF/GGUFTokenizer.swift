import Basics

/// The tokenizer inside a GGUF file (`tokenizer.ggml.*`), as plain values.
package struct GGUFTokenizer: Sendable {
    /// `llama` (SentencePiece BPE with byte fallback), `gpt2` (byte-level BPE), ….
    package var kind: String
    /// The name of the split regex for `gpt2`: `llama-bpe`, `smollm`, `qwen2`, ….
    package var pre: String?
    package var tokens: [String]
    /// One for each token; empty where the file has none.
    package var scores: [Float]
    /// One for each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; empty where the file has none.
    package var types: [Int]
    /// Two pieces separated by a blank, best first.
    package var merges: [String]
    package var beginOfSequence: Int?
    package var endOfSequence: Int?
    /// End of a chat turn, where it differs.
    package var endOfTurn: Int?
    package var unknown: Int?
    package var padding: Int?
    package var addsBeginOfSequence: Bool?
    package var addsEndOfSequence: Bool?
    package var addsSpacePrefix: Bool?
    package var chatTemplate: String?

    /// nil where the file holds no tokenizer.
    package init?(_ file: GGUFFile) throws(StorageError) {
        let metadata = file.metadata
        guard let kind = metadata["tokenizer.ggml.model"]?.string else { return nil }
        func wrong(_ key: String, _ message: String) -> StorageError {
            StorageError(.malformed, file: file.path, place: "tokenizer.ggml." + key, message)
        }
        guard let tokens = try metadata["tokenizer.ggml.tokens"]?.array?.strings(), !tokens.isEmpty else {
            throw wrong("tokens", "must be an array of strings")
        }
        self.kind = kind
        self.tokens = tokens
        pre = metadata["tokenizer.ggml.pre"]?.string
        scores = try metadata["tokenizer.ggml.scores"]?.array?.floats() ?? []
        types = try metadata["tokenizer.ggml.token_type"]?.array?.integers() ?? []
        merges = try metadata["tokenizer.ggml.merges"]?.array?.strings() ?? []
        guard scores.isEmpty || scores.count == tokens.count else { throw wrong("scores", "has \(scores.count) elements for \(tokens.count) tokens") }
        guard types.isEmpty || types.count == tokens.count else { throw wrong("token_type", "has \(types.count) elements for \(tokens.count) tokens") }

        func id(_ key: String) throws(StorageError) -> Int? {
            guard let value = metadata["tokenizer.ggml." + key] else { return nil }
            guard let id = value.int else { throw wrong(key, "must be a whole number") }
            if id == Int(UInt32.max) || id == -1 { return nil }  // "none" in files of some converters
            guard tokens.indices.contains(id) else { throw wrong(key, "is \(id), but there are \(tokens.count) tokens") }
            return id
        }
        beginOfSequence = try id("bos_token_id")
        endOfSequence = try id("eos_token_id")
        endOfTurn = try id("eot_token_id")
        unknown = try id("unknown_token_id")
        padding = try id("padding_token_id")
        addsBeginOfSequence = metadata["tokenizer.ggml.add_bos_token"]?.bool
        addsEndOfSequence = metadata["tokenizer.ggml.add_eos_token"]?.bool
        addsSpacePrefix = metadata["tokenizer.ggml.add_space_prefix"]?.bool
        chatTemplate = metadata["tokenizer.chat_template"]?.string
    }
}
