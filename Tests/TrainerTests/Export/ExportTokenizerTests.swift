import Basics
import Foundation
import HealData
import Models
import Storage
import Testing
@testable import Trainer

/// Tokenizer files made from a vocabulary alone, read again and compared with the vocabulary's own tokenizer and with reference libraries.
@Suite struct ExportTokenizerTests {
    private struct Expected: Decodable {
        struct Row: Decodable { var ids: [Int32] }
        var rows: [Row]
    }

    private struct Converted: Decodable {
        var merges: [String]
        var ids: [String: [Int32]]
    }

    private static func decoded<T: Decodable>(_ type: T.Type, _ path: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(contentsOf: golden(path)))
    }

    private func texts() throws -> [String] { try Self.decoded([String].self, "tokenizers/texts.json") }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: golden(path))) }

    private func reread(_ vocabulary: GGUFVocabulary, template: String? = nil) throws -> any HealData.Tokenizer {
        let files = try #require(TokenizerDocument(vocabulary)).files(chatTemplate: template)
        #expect(files.hasTokenizer)
        #expect(try ChatTemplateSource.read(files) == template)
        return try TokenizerFiles.load(files.contents, origin: "memory")
    }

    /// Merges and ids are those of transformers' converter (version 4.46.3) for the same model.
    @Test(arguments: ["stories260K", "spm_plain"]) func sentencePieceAsTransformersConvertsIt(name: String) throws {
        let vocabulary = try #require(GGUFVocabulary(sentencePiece: bytes("tokenizers/\(name)/tokenizer.model")))
        let converted = try Self.decoded(Converted.self, "export/\(name).json")
        #expect(SentencePieceMerges.merges(vocabulary).map { String(decoding: $0, as: UTF8.self) } == converted.merges)
        let rows = try Self.decoded(Expected.self, "tokenizers/\(name)/expected.json").rows
        let made = try reread(vocabulary, template: "{{ messages }} \"quoted\" \\ \n"), own = try vocabulary.tokenizer(file: name)
        #expect(made.special == own.special && made.addsBos && own.addsBos && !made.addsEos)
        #expect(made.vocabularySize == own.vocabularySize)
        for (row, text) in try texts().enumerated() {
            let ids = made.encode(text)
            #expect(ids == converted.ids["\(row)"] ?? rows[row].ids, "row \(row)")
            #expect(ids == own.encode(text), "row \(row)")
            // Sentencepiece writes a sign for the unknown token, the tokenizers library leaves it out.
            if !ids.contains(0) { #expect(made.decode(ids, skipSpecial: true) == own.decode(ids, skipSpecial: true), "row \(row)") }
        }
    }

    @Test func withoutPrefixAndWithBothEnds() throws {
        var vocabulary = try #require(GGUFVocabulary(sentencePiece: bytes("tokenizers/stories260K/tokenizer.model")))
        vocabulary.addSpacePrefix = false
        vocabulary.addBos = true
        vocabulary.addEos = true
        let made = try reread(vocabulary), own = try vocabulary.tokenizer(file: "model")
        #expect(made.addsBos && made.addsEos)
        for text in try texts() { #expect(made.encode(text) == own.encode(text)) }
        #expect(made.encode("Once") != (try reread(#require(GGUFVocabulary(sentencePiece: bytes("tokenizers/stories260K/tokenizer.model"))))).encode("Once"))
        vocabulary.addBos = false
        vocabulary.addEos = nil
        #expect(try !reread(vocabulary).addsBos)
    }

    @Test func whatTheFormCannotSayIsLeftOut() throws {
        // Collapses spaces; replaces characters; is no byte-pair encoding.
        for name in ["openllama", "spm_symbols", "spm_nfkc", "spm_unigram"] {
            let vocabulary = try GGUFVocabulary(sentencePiece: bytes("tokenizers/\(name)/tokenizer.model"))
            #expect(vocabulary.flatMap { TokenizerDocument($0) } == nil, "\(name)")
        }
        #expect(try GGUFVocabulary(sentencePiece: bytes("tokenizers/tiktoken_style/tokenizer.model")) == nil)
        #expect(TokenizerDocument(GGUFVocabulary(model: "bert", pre: nil, tokens: [[0x61]])) == nil)
        #expect(TokenizerDocument(GGUFVocabulary(model: "gpt2", pre: "odd", tokens: [[0x61]])) == nil)
    }

    /// The vocabulary of a byte-level tokenizer.json as a GGUF would hold it.
    private func byteLevel(_ path: String, pre: String?) throws -> GGUFVocabulary {
        let root = try JSONValue.parse(String(decoding: bytes(path), as: UTF8.self))
        let vocab = try #require(root["model"]?["vocab"]?.object), added = root["added_tokens"]?.array ?? []
        var tokens = [[UInt8]](repeating: [], count: (vocab.values.map { $0.int! } + added.map { $0["id"]!.int! }).max()! + 1)
        for (text, id) in vocab { tokens[id.int!] = Array(text.utf8) }
        var types = [Int32](repeating: 1, count: tokens.count)
        for token in added {
            tokens[token["id"]!.int!] = Array(token["content"]!.string!.utf8)
            types[token["id"]!.int!] = token["special"] == true ? 3 : 4
        }
        for id in tokens.indices where tokens[id].isEmpty { tokens[id] = Array("[PAD\(id)]".utf8) }
        var vocabulary = GGUFVocabulary(model: "gpt2", pre: pre, tokens: tokens)
        vocabulary.tokenTypes = types
        vocabulary.merges = try #require(root["model"]?["merges"]?.array).map { merge in
            Array((merge.string ?? merge.array!.map { $0.string! }.joined(separator: " ")).utf8)
        }
        return vocabulary
    }

    /// The vocabularies of the reference's goldens, under every name of their cut.
    @Test(arguments: [
        ("smollm2", "smollm"), ("llama3_style", "llama-bpe"), ("llama3_style", "llama3"), ("llama3_style", "llama-v3"),
        ("llama3_style", "falcon3"), ("qwen2_style", "qwen2"), ("qwen2_style", "deepseek-r1-qwen"), ("qwen2_style", "stablelm2"),
    ]) func byteLevelAsTheReference(name: String, pre: String) throws {
        let vocabulary = try byteLevel("tokenizers/\(name)/tokenizer.json", pre: pre)
        let rows = try Self.decoded(Expected.self, "tokenizers/\(name)/expected.json").rows
        let made = try reread(vocabulary), own = try vocabulary.tokenizer(file: name)
        for (row, text) in try texts().enumerated() {
            let ids = made.encode(text)
            #expect(ids == rows[row].ids, "row \(row)")
            #expect(made.decode(ids, skipSpecial: false) == own.decode(ids, skipSpecial: false), "row \(row)")
        }
    }

    @Test(arguments: [nil, "default", "gpt-2", "gpt2", "mpt", "olmo", "phi-2"]) func byteLevelAsTheGGUF(pre: String?) throws {
        var vocabulary = try byteLevel("tokenizers/smollm2/tokenizer.json", pre: pre)
        vocabulary.special = SpecialTokens(bos: 1, eos: 2, pad: 2, unk: 0)
        vocabulary.addBos = true
        let made = try reread(vocabulary), own = try vocabulary.tokenizer(file: "model")
        #expect(made.addsBos && !made.addsEos)
        #expect(made.special == own.special)
        for text in try texts() { #expect(made.encode(text) == own.encode(text)) }
    }

    /// A model in GGUF: its export has a tokenizer, opens again, and computes the same.
    @Test func roundFromGGUF() throws {
        let opened = try OpenedModel.open(ExportSamples.storiesGGUF)
        #expect(opened.companions.hasTokenizer)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            try HuggingFaceExport.write(opened, weights: weights, to: target + "-hf", dtype: .fp32)
            try MPOExport.write(opened, weights: weights, to: target + "-mpo", dtype: .fp32)
            let expected = ExportSamples.logits(opened.configuration, weights), scale = expected.map(abs).max()!
            for kind in ["-hf", "-mpo"] {
                let back = try OpenedModel.open(target + kind)
                let found = ExportSamples.logits(back.configuration, try back.weights())
                #expect(zip(expected, found).allSatisfy { abs($0 - $1) <= 1e-5 * scale })
                #expect(back.tokenizer.addsBos && back.tokenizer.special.eos == 2)
                #expect(back.configuration.endOfSequence == opened.configuration.endOfSequence)
                for text in try texts() { #expect(back.tokenizer.encode(text) == opened.tokenizer.encode(text)) }
            }
        }
    }

    @Test func modelWithoutTokenizerFilesIsRefused() throws {
        let opened = try OpenedModel.open(ExportSamples.storiesGGUF)
        let bare = OpenedModel(
            path: opened.path, configuration: opened.configuration, source: opened.source, layouts: [:], companions: CompanionFiles(),
            tokenizer: opened.tokenizer, chatTemplateSource: nil)
        try ExportSamples.withTarget { target in
            let text = message { try HuggingFaceExport.write(bare, weights: try bare.weights(), to: target, dtype: .fp32) }
            #expect(text.contains("set `tokenizer` to a directory that has tokenizer.json or tokenizer.model"))
        }
    }
}
