import Basics
import Foundation

/// Loads the tokenizer of a model directory.
///
/// `tokenizer.json` comes first; then `tokenizer.model`, sentencepiece or tiktoken by its content; then `vocab.json` with
/// `merges.txt`. The roles of tokens are read from `tokenizer_config.json`, `special_tokens_map.json` and `config.json`, in this
/// order.
///
/// What is put around a plain text: `tokenizer.json` says so itself; for the other files `add_bos_token` and `add_eos_token` of
/// `tokenizer_config.json` do, and without them Llama's own libraries are followed (bos before a text, nothing after it).
package enum TokenizerFiles {
    package static func load(directory: String) throws(TokenizerError) -> BPETokenizer {
        guard FileSystem.kind(of: directory) == .directory else { throw TokenizerError(.unreadable, file: directory, "no such directory") }
        return try load(Directory(path: directory))
    }

    /// From files that are in memory, under their names.
    ///
    /// - Parameter origin: where they come from, for messages.
    package static func load(_ contents: [String: [UInt8]], origin: String) throws(TokenizerError) -> BPETokenizer {
        try load(Directory(path: origin, contents: contents))
    }

    private static func load(_ files: Directory) throws(TokenizerError) -> BPETokenizer {
        let sidecar = try TokenizerSidecar(files)
        return try sidecar.completingRoles(try loadBare(files, sidecar))
    }

    private static func loadBare(_ files: Directory, _ sidecar: TokenizerSidecar) throws(TokenizerError) -> BPETokenizer {
        if files.has("tokenizer.json") {
            return try TokenizerJSON.load(
                try files.read("tokenizer.json"), file: files.path("tokenizer.json"), roles: sidecar.roles, addedBeside: sidecar.added)
        }
        if files.has("tokenizer.model") {
            let bytes = try files.read("tokenizer.model")
            let name = files.path("tokenizer.model")
            if TiktokenModel.recognizes(bytes) { return try TiktokenModel.load(bytes, file: name, roles: sidecar.roles) }
            var options = SentencePieceTokenizer.Options()
            options.prefix = sidecar.roles.legacy == false ? .textStart : .everySegment
            options.added = sidecar.added
            options.roles = sidecar.roles
            return try SentencePieceTokenizer.make(SentencePieceModel(bytes, file: name), file: name, options: options)
        }
        if files.has("vocab.json"), files.has("merges.txt") { return try loadPair(files, sidecar) }
        throw TokenizerError(
            .unreadable, file: files.path,
            "no tokenizer here: tokenizer.json, tokenizer.model, or vocab.json with merges.txt is needed; copy it from the model's origin")
    }

    private static func loadPair(_ files: Directory, _ sidecar: TokenizerSidecar) throws(TokenizerError) -> BPETokenizer {
        let style: ByteLevelTokenizer.Style
        var roles = sidecar.roles
        switch sidecar.tokenizerClass {
        case nil, "GPT2Tokenizer", "GPT2TokenizerFast":
            style = .gpt2
            // The class's own defaults.
            roles.bos = roles.bos ?? "<|endoftext|>"
            roles.eos = roles.eos ?? "<|endoftext|>"
            roles.unk = roles.unk ?? "<|endoftext|>"
        case "Qwen2Tokenizer", "Qwen2TokenizerFast":
            style = .qwen2
        case let name?:
            throw TokenizerError(
                .unsupported, file: files.path("tokenizer_config.json"), place: "tokenizer_class",
                "'\(name)' with vocab.json and merges.txt is not supported; a tokenizer.json is needed")
        }
        let vocab = try JSONCursor.parse(try files.read("vocab.json"), file: files.path("vocab.json"))
        let vocabulary = try TokenizerJSON.readVocabulary(vocab)
        var added = sidecar.added
        // Tokens with a role are found in the text even when nothing lists them as added.
        for name in [roles.bos, roles.eos, roles.pad, roles.unk] {
            guard let name, !added.contains(where: { $0.content == Array(name.utf8) }), let id = vocabulary.id(Array(name.utf8)) else {
                continue
            }
            added.append(AddedToken(id: id, content: Array(name.utf8)))
        }
        return try ByteLevelTokenizer.load(
            vocabulary, vocabFile: files.path("vocab.json"), merges: try files.read("merges.txt"),
            mergesFile: files.path("merges.txt"), style: style, added: added, roles: roles)
    }

    /// The files of one directory, or such that were.
    struct Directory {
        let path: String
        /// nil for those on disk.
        var contents: [String: [UInt8]]?

        func path(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

        func has(_ name: String) -> Bool { contents.map { $0[name] != nil } ?? (FileSystem.kind(of: path(name)) != nil) }

        func read(_ name: String) throws(TokenizerError) -> [UInt8] {
            if let contents { return contents[name] ?? [] }
            if let problem = InputFile.problem(at: path(name)) { throw TokenizerError(.unreadable, file: path(name), problem.words) }
            let bytes: [UInt8]
            do throws(StorageError) { bytes = try FileSystem.readAll(path(name), limit: .max) } catch {
                throw TokenizerError(error.code == .inputOutput ? .inputOutput : .unreadable, file: path(name), error.reason)
            }
            let expected: MistakenFile.Expected = name.hasSuffix(".model") ? .binary : .text
            if let reason = MistakenFile.explanation(of: bytes, expected: expected) { throw TokenizerError(.malformed, file: path(name), reason) }
            return bytes
        }
    }
}
