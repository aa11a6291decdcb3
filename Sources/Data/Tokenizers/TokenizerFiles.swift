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
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw TokenizerError(.unreadable, file: directory, "no such directory")
        }
        let files = Directory(path: directory)
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

    /// The files of one directory.
    struct Directory {
        let path: String

        func path(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

        func read(_ name: String) throws(TokenizerError) -> [UInt8] {
            let bytes: [UInt8]
            do {
                bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
            } catch {
                throw TokenizerError(.unreadable, file: path(name), "cannot be read: \(error.localizedDescription)")
            }
            let expected: MistakenFile.Expected = name.hasSuffix(".model") ? .binary : .text
            if let reason = MistakenFile.explanation(of: bytes, expected: expected) { throw TokenizerError(.malformed, file: path(name), reason) }
            return bytes
        }
    }
}
