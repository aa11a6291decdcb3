import Testing

@testable import HealData

/// Where tokens start in the text.
@Suite struct TokenizerOffsetTests {
    /// Without normalisation the text from a token's offset to the next one's is what the token stands for.
    @Test(arguments: ["smollm2", "gpt2", "tiktoken_style", "llama3_style", "tekken_style", "gpt2_by_regex"])
    func bytesBetweenOffsetsAreTheToken(name: String) throws {
        let tokenizer = try TokenizerGoldens.tokenizer(name)
        var checked = 0
        for text in try TokenizerGoldens.texts() {
            let bytes = Array(text.utf8)
            let (ids, offsets) = tokenizer.encodeWithOffsets(text)
            try #require(ids.count == offsets.count)
            for (index, id) in ids.enumerated() {
                let end = index + 1 < ids.count ? Int(offsets[index + 1]) : bytes.count
                #expect(Array(bytes[Int(offsets[index])..<end]) == tokenizer.decode([id], skipSpecial: false), "\(name): \(text.debugDescription)")
                checked += 1
            }
        }
        #expect(checked > 5000)
    }

    /// The dummy prefix and marks for spaces do not move the offsets.
    @Test func offsetsSeeThroughMarks() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("openllama")
        let (ids, offsets) = tokenizer.encodeWithOffsets("Hello world, naïve ½")
        #expect(ids.first == 16644)
        #expect(offsets.prefix(3) == [0, 5, 11])
        for text in try TokenizerGoldens.texts() {
            let (_, offsets) = tokenizer.encodeWithOffsets(text)
            #expect(zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 })
            #expect(offsets.allSatisfy { $0 >= 0 && Int($0) < text.utf8.count })
        }
    }

    /// Composition shortens the text; what follows keeps its place in the source.
    @Test func offsetsSeeThroughComposition() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("qwen2_style")
        let text = "ab e\u{301}x <|end|>"
        let (ids, offsets) = tokenizer.encodeWithOffsets(text)
        #expect(tokenizer.decodeString(ids, skipSpecial: false) == text.precomposedStringWithCanonicalMapping)
        let end = try #require(tokenizer.id(of: "<|end|>"))
        #expect(ids.last == end)
        #expect(offsets.last == Int32(text.utf8.count - "<|end|>".utf8.count))
    }

    /// Bytes that are not UTF-8 count as U+FFFD each, as sentencepiece takes them; offsets stay in the source.
    @Test func invalidBytesBecomeReplacementCharacters() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("gpt2")
        let broken: [UInt8] = [0x61, 0xFF, 0x62, 0xE4, 0xB8, 0x20, 0x63]
        var ids: [Int32] = []
        var offsets: [Int32] = []
        broken.withUnsafeBufferPointer { tokenizer.encode($0, parseSpecial: true, into: &ids, offsets: &offsets) }
        #expect(ids == tokenizer.encode("a\u{FFFD}b\u{FFFD}\u{FFFD} c"))
        #expect(offsets.last == 5)
    }
}
