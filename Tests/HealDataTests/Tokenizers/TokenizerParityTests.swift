import Foundation
import Testing

@testable import HealData

/// Ids and texts equal to those of the reference libraries, for every kind of file.
@Suite struct TokenizerParityTests {
    @Test(arguments: TokenizerGoldens.parsing)
    func encodesAsTheRustLibraries(name: String) throws {
        try TokenizerGoldens.check(TokenizerGoldens.tokenizer(name), name, parsesSpecial: true)
    }

    @Test(arguments: TokenizerGoldens.bare)
    func encodesAsSentencepiece(name: String) throws {
        try TokenizerGoldens.check(TokenizerGoldens.tokenizer(name), name, parsesSpecial: false)
    }

    @Test(arguments: TokenizerGoldens.parsing + TokenizerGoldens.bare)
    func decodesAsTheReference(name: String) throws {
        let tokenizer = try TokenizerGoldens.tokenizer(name)
        let decoded = try TokenizerGoldens.expected(name).decoded
        try #require(decoded.count > 70)
        for row in decoded {
            #expect(tokenizer.decodeString(row.ids, skipSpecial: true) == row.skipped, "\(name): \(row.ids)")
            if let kept = row.kept { #expect(tokenizer.decodeString(row.ids, skipSpecial: false) == kept, "\(name): \(row.ids)") }
        }
    }

    /// Both spellings of merges are among the stored files, so that the tests above have read both.
    @Test func bothSpellingsOfMergesAreStored() throws {
        let text = String(decoding: try TokenizerGoldens.bytes("llama2_style/tokenizer.json"), as: UTF8.self)
        #expect(text.contains(#""merges":[""#))
        let pairs = String(decoding: try TokenizerGoldens.bytes("qwen2_style/tokenizer.json"), as: UTF8.self)
        #expect(pairs.contains(#""merges":[[""#))
    }

    /// What the spec of a chat prompt of SmolLM2 gives in the reference.
    @Test func chatMarkersBecomeTheirIds() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("smollm2")
        let prompt = "<|im_start|>user\nName three colors.<|im_end|>\n"
        #expect(tokenizer.encode(prompt) == [1, 4093, 198, 5820, 1296, 4683, 30, 2, 198])
        #expect(!tokenizer.encode(prompt, parseSpecial: false).contains(1))
    }

    /// Special tokens cut the text of a sentencepiece model; what follows gets the prefix again, unless legacy is off.
    @Test func sentencepieceAroundSpecialTokens() throws {
        let bytes = try TokenizerGoldens.bytes("stories260K/tokenizer.model")
        let model = try SentencePieceModel(bytes, file: "m")
        let legacy = try SentencePieceTokenizer.make(model, file: "m")
        var options = SentencePieceTokenizer.Options()
        options.prefix = .textStart
        let modern = try SentencePieceTokenizer.make(model, file: "m", options: options)
        let once = legacy.encode("Once")
        let inner = Array(modern.encode("<s>Once").dropFirst())
        #expect(legacy.encode("<s>Once</s>Once") == [1] + once + [2] + once)
        #expect(modern.encode("Once</s>Once") == once + [2] + inner)
        #expect(inner != once)
        #expect(modern.encode(" Once") == legacy.encode(" Once"))
    }
}
