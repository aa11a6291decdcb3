import Foundation
import Testing

@testable import HealData

/// Tokenizers from the values that a GGUF file carries.
@Suite struct GGUFTokenizerTests {
    private func stories() throws -> GGUFVocabulary {
        let model = try SentencePieceModel(try TokenizerGoldens.bytes("stories260K/tokenizer.model"), file: "stories260K")
        var values = GGUFVocabulary(model: "llama", pre: nil, tokens: model.pieces.map(\.text))
        values.scores = model.pieces.map(\.score)
        values.tokenTypes = model.pieces.map { Int32($0.kind.rawValue) }
        values.special = SpecialTokens(bos: 1, eos: 2, pad: nil, unk: 0)
        values.addBos = true
        return values
    }

    private func smollm() throws -> GGUFVocabulary {
        let root = try JSONCursor.parse(try TokenizerGoldens.bytes("smollm2/tokenizer.json"), file: "smollm2")
        let model = try root.required("model")
        let vocabulary = try TokenizerJSON.readVocabulary(try model.required("vocab"))
        var values = GGUFVocabulary(
            model: "gpt2", pre: "smollm", tokens: (0..<vocabulary.spelled.count).map { Array(vocabulary.spelled[$0]) })
        values.merges = try model.required("merges").elements().map { merge in
            if let text = merge.bytes { return text }
            return try merge.elements().map { try $0.requiredBytes() }.joined(separator: [0x20]).map { $0 }
        }
        values.tokenTypes = values.tokens.indices.map { $0 < 17 ? 3 : 1 }
        values.special = SpecialTokens(bos: 1, eos: 2, pad: 2, unk: 0)
        return values
    }

    @Test func sentencepieceValues() throws {
        let tokenizer = try stories().tokenizer(file: "stories.gguf")
        try TokenizerGoldens.check(tokenizer, "stories260K", parsesSpecial: false)
        #expect(tokenizer.special == SpecialTokens(bos: 1, eos: 2, pad: nil, unk: 0))
        #expect(tokenizer.addsBos && !tokenizer.addsEos)
    }

    @Test func byteLevelValues() throws {
        let tokenizer = try smollm().tokenizer(file: "smollm.gguf")
        try TokenizerGoldens.check(tokenizer, "smollm2", parsesSpecial: true)
        #expect(!tokenizer.addsBos && !tokenizer.addsEos)
        for row in try TokenizerGoldens.expected("smollm2").decoded {
            #expect(tokenizer.decodeString(row.ids, skipSpecial: true) == row.skipped)
        }
    }

    @Test func wrongValuesAreNamed() throws {
        func expectError(_ values: GGUFVocabulary, _ words: String) {
            let error = #expect(throws: TokenizerError.self) { try values.tokenizer(file: "x.gguf") }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
        var values = try stories()
        values.scores.removeLast()
        expectError(values, "tokenizer.ggml.scores")
        values = try stories()
        values.tokenTypes[3] = 9
        expectError(values, "tokenizer.ggml.token_type")
        values = try stories()
        values.special.eos = 512
        expectError(values, "tokenizer.ggml.eos_token_id")
        values.model = "bert"
        values.special.eos = 2
        expectError(values, "'bert'")
        expectError(GGUFVocabulary(model: "gpt2", pre: "gpt-2", tokens: []), "empty")
        var bytes = GGUFVocabulary(model: "gpt2", pre: "gpt-2", tokens: [[0x61], [0x62]])
        expectError(bytes, "tokenizer.ggml.merges")
        bytes.merges = [[0x61, 0x20, 0x62]]
        expectError(bytes, "tokenizer.ggml.merges entry 1")
        bytes.tokens.append([0x61, 0x62])
        bytes.pre = "odd"
        expectError(bytes, "'odd'")
    }
}
