import Foundation
import Testing

@testable import HealData

/// Model directories: which file is taken, what the files beside it say, and what is wrong with broken ones.
@Suite struct TokenizerFilesTests {
    /// A directory with the given files, removed afterwards.
    private func withDirectory(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("heal-tokenizer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
        try body(folder.path)
    }

    private func text(_ string: String) -> [UInt8] { Array(string.utf8) }

    @Test func rolesComeFromTheFilesBeside() throws {
        let smollm = try TokenizerGoldens.tokenizer("smollm2")
        #expect(smollm.special == SpecialTokens(bos: 1, eos: 2, pad: 2, unk: 0))
        #expect(!smollm.addsBos && !smollm.addsEos)
        #expect(smollm.vocabularySize == 49152)
        #expect(smollm.id(of: "<|im_end|>") == 2)
        #expect(smollm.id(of: "Ġthe") == 260)
        #expect(smollm.token(260) == "Ġthe")
        #expect(smollm.token(49152) == nil && smollm.token(-1) == nil)
        let stories = try TokenizerGoldens.tokenizer("stories260K")
        #expect(stories.special == SpecialTokens(bos: 1, eos: 2, pad: nil, unk: 0))
        #expect(stories.addsBos && !stories.addsEos)
        let gpt2 = try TokenizerGoldens.tokenizer("gpt2")
        #expect(gpt2.special.eos == 50256)
        let llama3 = try TokenizerGoldens.tokenizer("llama3_style")
        #expect(llama3.addsBos && llama3.special.bos == 0)
    }

    /// `tokenizer.json` says itself what is put around a text, whatever the configuration says; ids of `config.json` fill gaps.
    @Test func thePostProcessorDecides() throws {
        let json = try TokenizerGoldens.bytes("llama3_style/tokenizer.json")
        let config = #"{"bos_token":{"content":"<|end|>"},"add_bos_token":false,"eos_token":"<|im_start|>","pad_token":"[PAD]"}"#
        try withDirectory(["tokenizer.json": json, "tokenizer_config.json": text(config)]) { path in
            let tokenizer = try TokenizerFiles.load(directory: path)
            #expect(tokenizer.addsBos && !tokenizer.addsEos)
            #expect(tokenizer.special == SpecialTokens(bos: 0, eos: 1))
        }
        let model = #"{"bos_token_id":1,"eos_token_id":[0,1],"pad_token_id":-1}"#
        try withDirectory(["tokenizer.json": json, "config.json": text(model)]) { path in
            let tokenizer = try TokenizerFiles.load(directory: path)
            #expect(tokenizer.special == SpecialTokens(bos: 0, eos: 0))
        }
        try withDirectory(["tokenizer.json": json, "tokenizer_config.json": text(#"{"bos_token":"<|im_start|>"}"#)]) { path in
            #expect(throws: TokenizerError.self) { try TokenizerFiles.load(directory: path) }
        }
    }

    @Test func theConfigurationDecidesForASentencepieceModel() throws {
        let model = try TokenizerGoldens.bytes("stories260K/tokenizer.model")
        try withDirectory(["tokenizer.model": model, "tokenizer_config.json": text(#"{"add_bos_token":false,"add_eos_token":true}"#)]) { path in
            let tokenizer = try TokenizerFiles.load(directory: path)
            #expect(!tokenizer.addsBos && tokenizer.addsEos)
        }
    }

    /// Ids from transformers 5.23 for the same directories.
    @Test func tokensAddedBesideTokenizerJSON() throws {
        let json = try TokenizerGoldens.bytes("qwen2_style/tokenizer.json")
        let listed = #"{"eos_token":"<|end|>","added_tokens_decoder":{"600":{"content":"<|x|>","special":true},"0":{"content":"<|end|>","special":true}}}"#
        try withDirectory(["tokenizer.json": json, "tokenizer_config.json": text(listed)]) { path in
            let ids = try TokenizerFiles.load(directory: path).encode("a!they[PAD]<|x|> b")
            #expect(ids == [66, 2, 274, 90, 60, 49, 34, 37, 62, 600, 282])
        }
        // Tokens with a role are cut out of the text even when they are ordinary entries.
        try withDirectory(["tokenizer.json": json, "tokenizer_config.json": text(#"{"pad_token":"!","eos_token":"the"}"#)]) { path in
            let tokenizer = try TokenizerFiles.load(directory: path)
            #expect(tokenizer.encode("th the! lathe") == [85, 73, 222, 274, 2, 354, 66, 274])
            #expect(tokenizer.decodeString([274, 2, 66]) == "a")
        }
        try withDirectory(["tokenizer.json": json, "added_tokens.json": text(#"{"<|x|>":5}"#)]) { path in
            let error = #expect(throws: TokenizerError.self) { try TokenizerFiles.load(directory: path) }
            #expect(error?.description.contains("<|x|>") == true)
        }
    }

    @Test func tokensAddedBesideASentencepieceModel() throws {
        let added = #"{"tokenizer_class":"LlamaTokenizer","eos_token":"<|im_end|>","added_tokens_decoder":{"512":{"content":"<|im_start|>","special":true},"513":{"content":"<|im_end|>","special":true}}}"#
        let model = try TokenizerGoldens.bytes("stories260K/tokenizer.model")
        try withDirectory(["tokenizer.model": model, "tokenizer_config.json": text(added), "added_tokens.json": text(#"{"<x>":514}"#)]) { path in
            let tokenizer = try TokenizerFiles.load(directory: path)
            #expect(tokenizer.vocabularySize == 515)
            #expect(tokenizer.special.eos == 513)
            let ids = tokenizer.encode("<|im_start|>Once<|im_end|><x>")
            #expect(ids == [512] + tokenizer.encode("Once") + [513, 514])
            #expect(tokenizer.decodeString(ids) == "Once<x>")
        }
    }

    /// Each broken or foreign file, with words that its error must hold.
    @Test(arguments: [
        ("[]", "an object is expected"),
        (#"{"model":{"type":"WordPiece","vocab":{},"merges":[]}}"#, "WordPiece"),
        (#"{"model":{"type":"BPE","merges":[]}}"#, "'vocab' is missing"),
        (#"{"model":{"type":"BPE","vocab":{},"merges":[]}}"#, "empty"),
        (#"{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#, "'a'"),
        (#"{"model":{"type":"BPE","vocab":{"a":4000000},"merges":[]}}"#, "4000000"),
        (#"{"model":{"type":"BPE","vocab":{"a":1e300},"merges":[]}}"#, "'a'"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}"#, "entry 0"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}"#, "entry 0"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b","c"]]}}"#, "entry 0"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}"#, "model.dropout"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"u"}}"#, "model.unk_token"),
        (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"}}"#, "end_of_word_suffix"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"normalizer":{"type":"Lowercase"}}"#, "normalizer.type: the normalizer 'Lowercase'"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"}]}}"#, "pretokenizers[0].type"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\w"},"behavior":"Isolated"}}"#, "pattern.Regex"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"Odd"}}"#, "behavior"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"decoder":{"type":"WordPiece"}}"#, "decoder.type"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"post_processor":{"type":"RobertaProcessing"}}"#, "post_processor.type"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"added_tokens":[{"id":7,"content":"a"}]}"#, "added_tokens[0]"),
        (#"{"model":{"vocab":{"a":0},"merges":[]},"added_tokens":[{"id":0,"content":"b"}]}"#, "'b'"),
        (#"{"model":{"vocab":{"a":0},"merges":[]}} x"#, "byte"),
        (#"{"model":{"vocab":{"\ud800":0},"merges":[]}}"#, "surrogate"),
        (String(repeating: "[", count: 10000), "nested too deeply"),
        ("", "is empty"), (" ", "ends too early"),
    ])
    func brokenTokenizerJSON(content: String, words: String) throws {
        try withDirectory(["tokenizer.json": text(content)]) { path in
            let error = #expect(throws: TokenizerError.self) { try TokenizerFiles.load(directory: path) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            #expect(error?.file.hasSuffix("tokenizer.json") == true)
        }
    }

    @Test func otherBrokenFiles() throws {
        func expectError(_ files: [String: [UInt8]], _ words: String) throws {
            try withDirectory(files) { path in
                let error = #expect(throws: TokenizerError.self) { try TokenizerFiles.load(directory: path) }
                #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            }
        }
        try expectError([:], "no tokenizer here")
        try expectError(["tokenizer.model": try TokenizerGoldens.bytes("spm_unigram/tokenizer.model")], "unigram")
        try expectError(["tokenizer.model": []], "is empty")
        try expectError(["tokenizer.model": text("AA== 0\nAQ== 2\n")], "rank")
        try expectError(["tokenizer.model": text("AA== 0\nAQ== 0\n")], "line 2")
        try expectError(["tokenizer.model": text("AA== 0\nA 1\n")], "line 2")
        try expectError(["tokenizer.model": text("AA== 0\n")], "the byte 1 has no token")
        try expectError(["vocab.json": text(#"{"a":0,"b":1}"#), "merges.txt": text("#version: 0.2\na b\n")], "line 2")
        let tokenizer = try TokenizerGoldens.bytes("qwen2_style/tokenizer.json")
        try expectError(["tokenizer.json": tokenizer, "tokenizer_config.json": text(#"{"eos_token":"<nope>"}"#)], "<nope>")
        try expectError(["tokenizer.json": tokenizer, "tokenizer_config.json": text(#"{"add_bos_token":1}"#)], "add_bos_token")
        #expect(throws: TokenizerError.self) { try TokenizerFiles.load(directory: "/nonexistent/model") }
    }

    /// Cut short or damaged anywhere, a file is refused or gives a tokenizer that works; nothing crashes.
    @Test(arguments: [
        "qwen2_style/tokenizer.json", "llama2_style/tokenizer.json", "spm_nfkc/tokenizer.model", "stories260K/tokenizer.model",
        "tiktoken_style/tokenizer.model",
    ])
    func damagedFilesNeverCrash(name: String) throws {
        let original = try TokenizerGoldens.bytes(name)
        var random = SeededGenerator(state: 11)
        var refused = 0
        for round in 0..<120 {
            var bytes = original
            if round % 2 == 0 {
                bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            } else {
                for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            }
            do throws(TokenizerError) {
                let file = (name as NSString).lastPathComponent
                let tokenizer: BPETokenizer
                if file == "tokenizer.json" {
                    tokenizer = try TokenizerJSON.load(bytes, file: file, roles: SpecialRoles())
                } else if name.hasPrefix("tiktoken") {
                    tokenizer = try TiktokenModel.load(bytes, file: file)
                } else {
                    tokenizer = try SentencePieceTokenizer.make(SentencePieceModel(bytes, file: file), file: file)
                }
                let ids = tokenizer.encode("Hello <s> wörld 123 \n\t 世界 😀 e\u{301} <|end|> ▁▁x </s>")
                _ = tokenizer.decode(ids + [-1, Int32.max], skipSpecial: true)
            } catch {
                refused += 1
                #expect(!error.reason.isEmpty)
            }
        }
        #expect(refused >= 60 - 5)
    }
}
