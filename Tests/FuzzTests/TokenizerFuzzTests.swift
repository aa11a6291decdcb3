import Foundation
import HealData
import Testing

/// Tokenizer files from strangers.
@Suite(.serialized) struct TokenizerFuzzTests {
    private func seeds(_ names: [String]) throws -> [[UInt8]] { try names.map { try content(goldens + "/tokenizers/" + $0) } }

    /// Loads a directory with one file damaged, and uses what was loaded.
    private func run(_ campaign: Campaign, _ name: String, beside: [String: String] = [:]) throws {
        try withScratch { scratch in
            for (other, source) in beside { try FileManager.default.copyItem(atPath: goldens + "/tokenizers/" + source, toPath: scratch + "/" + other) }
            try campaign.run { bytes, _ in
                try replace(scratch + "/" + name, bytes)
                let tokenizer = try TokenizerFiles.load(directory: scratch)
                for text in ["", "Hello world <s> é ▁ 123\n\n  x", "\u{0}🙂</s><|im_start|>"] {
                    _ = tokenizer.decode(tokenizer.encode(text), skipSpecial: true)
                }
                _ = tokenizer.decode([0, -1, 1, .max, Int32(clamping: tokenizer.vocabularySize)], skipSpecial: false)
            }
        }
    }

    private static let words = [
        "\"type\":\"Split\"", "\"pattern\":{\"Regex\":\"", "(?:a+)+$", "ByteLevel", "Metaspace", "\"Sequence\"", "\"normalizer\":", "\"NFC\"", "\"prepend_scheme\":\"always\"",
        "\"byte_fallback\":true", "\"added_tokens\":[", "\"content\":\"\"", "\"id\":", "\"merges\":[", "\\ud800", "\\u0000", "\"ignore_merges\":true", "TemplateProcessing",
    ]

    @Test func tokenizerJSON() throws {
        let names = ["llama2_style", "llama3_style", "qwen2_style", "tekken_style", "added_tokens", "metaspace_first", "metaspace_split", "gpt2_by_regex", "prefix_space"]
        try run(Campaign(name: "tokenizer-json", seeds: seeds(names.map { $0 + "/tokenizer.json" }), words: Self.words, header: 3000), "tokenizer.json")
    }

    @Test func sentencePiece() throws {
        let names = ["stories260K", "spm_plain", "spm_symbols", "spm_across"]
        try run(Campaign(name: "sentencepiece", seeds: seeds(names.map { $0 + "/tokenizer.model" }), words: ["\u{a}", "▁", "<0x41>"], header: 16000), "tokenizer.model")
    }

    @Test func tiktoken() throws {
        let words = ["IQ== 0\n", " 4294967296", " -1", "====", "\n\n", "AAAA 1\n"]
        try run(Campaign(name: "tiktoken", seeds: seeds(["tiktoken_style/tokenizer.model"]), words: words, header: 6000, usual: 600), "tokenizer.model")
    }

    @Test func tokenizerConfig() throws {
        let words = ["\"bos_token\":{\"content\":", "\"added_tokens_decoder\":{\"0\":{\"content\":\"x\"}}", "\"tokenizer_class\":\"GPT2Tokenizer\"", "\"chat_template\":", "\"legacy\":"]
        let seed = #"{"bos_token": "<|end|>", "eos_token": {"content": "<|im_start|>", "special": true}, "unk_token": null, "add_bos_token": true, "legacy": false, "#
            + #""added_tokens_decoder": {"0": {"content": "<|end|>", "lstrip": false}}, "tokenizer_class": "GPT2Tokenizer", "chat_template": "{{ messages }}"}"#
        _ = try JSONSerialization.jsonObject(with: Data(seed.utf8))
        let campaign = Campaign(name: "tokenizer-config", seeds: [Array(seed.utf8)], words: words)
        try run(campaign, "tokenizer_config.json", beside: ["tokenizer.json": "llama3_style/tokenizer.json"])
    }

    // Vocabulary and merges of bytes, made here: the real ones have a megabyte.

    private static let vocabulary = "{" + (33...126).map { "\"\($0 == 34 || $0 == 92 ? "\\" : "")\(Character(UnicodeScalar(UInt8($0))))\":\($0 - 33)" }.joined(separator: ",")
        + ",\"Ġ\":94,\"th\":95,\"the\":96,\"<|endoftext|>\":97}"
    private static let merges = "#version: 0.2\nt h\nth e\n"

    @Test func vocabularyFile() throws {
        try withScratch { scratch in
            try replace(scratch + "/merges.txt", Array(Self.merges.utf8))
            try Campaign(name: "vocab-json", seeds: [Array(Self.vocabulary.utf8)], words: ["\"th\":", ":-1,", "{}", "\\u0120"], usual: 800).run { bytes, _ in
                try replace(scratch + "/vocab.json", bytes)
                let tokenizer = try TokenizerFiles.load(directory: scratch)
                _ = tokenizer.decode(tokenizer.encode("the Theatre <|endoftext|> é"), skipSpecial: false)
            }
        }
    }

    @Test func mergesFile() throws {
        try withScratch { scratch in
            try replace(scratch + "/vocab.json", Array(Self.vocabulary.utf8))
            try Campaign(name: "merges", seeds: [Array(Self.merges.utf8)], words: ["\n", " ", "t h", "\u{0}", "Ġ th\n"], usual: 800).run { bytes, _ in
                try replace(scratch + "/merges.txt", bytes)
                let tokenizer = try TokenizerFiles.load(directory: scratch)
                _ = tokenizer.decode(tokenizer.encode("the Theatre <|endoftext|> é"), skipSpecial: false)
            }
        }
    }
}
