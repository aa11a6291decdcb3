import Testing

@testable import HealData

/// The hand-written scanners against the patterns they stand for, run by PCRE2.
@Suite struct WordScannerTests {
    /// Words by trying the pattern at each place; `before` cuts the text first.
    private func byPattern(_ text: [UInt8], _ steps: [PreTokenizer.Step]) -> [Range<Int>] {
        words(text, .steps(steps))
    }

    private func words(_ text: [UInt8], _ preTokenizer: PreTokenizer) -> [Range<Int>] {
        text.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            var out: [Range<Int>] = []
            let segment = Segment(text: base, count: buffer.count, origins: nil, base: 0)
            preTokenizer.forEachWord(segment, EncodeScratch()) { out.append($0..<$1) }
            return out
        }
    }

    private func regex(_ pattern: String) throws -> PreTokenizer.Step {
        .split(.regex(try SplitRegex(pattern)), .isolated, inverted: false)
    }

    /// Texts of pieces that the patterns treat differently, joined at random.
    private func randomTexts(_ count: Int) -> [[UInt8]] {
        let pieces = [
            " ", "  ", "\n", "\r\n", "\t", "\u{0B}", "\u{85}", "\u{A0}", "\u{2028}", "\u{3000}", "\u{180E}", "\u{200B}", "a", "Zz", "é", "世", "ß",
            "1", "23", "٣", "½", "Ⅷ", "𝟘", ".", "!?", "'", "'s", "'S", "'ſ", "'ll", "'LL", "'lL", "'re", "'r", "'v", "'VE", "'d", "'M", "'t", "_",
            "\u{301}", "👍", "\u{FE0F}", "\u{31350}", "\u{A7CB}", "\u{A7CE}", "\u{10D40}", "\u{0}", "\u{7F}", "$", "ſ", "K",
        ]
        var random = SeededGenerator(state: 7)
        return (0..<count).map { _ in
            (0..<Int.random(in: 1...14, using: &random)).flatMap { _ in Array(pieces.randomElement(using: &random)!.utf8) }
        }
    }

    @Test func scannersFindWhatThePatternsFind() throws {
        let gpt2 = try regex(WordScanner.gpt2Pattern)
        let cases: [(PreTokenizer, [PreTokenizer.Step])] = [
            (.scanner(.gpt2), [gpt2]),
            (.scanner(.digitsThenGPT2), [.split(.digit, .isolated, inverted: false), gpt2]),
            (.scanner(.cl100k(digits: 3)), [try regex(WordScanner.llama3Pattern)]),
            (.scanner(.cl100k(digits: 1)), [try regex(WordScanner.qwen2Pattern)]),
        ]
        let texts = randomTexts(3000) + (try TokenizerGoldens.texts()).filter { !$0.isEmpty }.map { Array($0.utf8) }
        for (scanner, steps) in cases {
            for text in texts {
                let expected = byPattern(text, steps)
                #expect(words(text, scanner) == expected, "\(scanner): \(String(decoding: text, as: UTF8.self).debugDescription)")
            }
        }
    }

    /// Every character of the planes in use, between two letters.
    @Test func everyCharacterIsCutAlike() throws {
        let steps = [try regex(WordScanner.llama3Pattern)]
        var text: [UInt8] = []
        for value in stride(from: UInt32(1), to: 0x33000, by: 1) where Unicode.Scalar(value) != nil {
            UTF8Text.append(value, to: &text)
            text.append(value % 3 == 0 ? 0x61 : value % 3 == 1 ? 0x2E : 0x20)
        }
        #expect(words(text, .scanner(.cl100k(digits: 3))) == byPattern(text, steps))
    }

    /// Counts from the Rust engines of the reference libraries, which use Unicode 16.
    @Test func classesAreThoseOfUnicode16() {
        var counts = [UInt8: Int]()
        for value in UInt32(0)..<0x110000 { counts[CharacterClasses.shared[value], default: 0] += 1 }
        #expect(counts[CharacterClass.letter] == 141_028)
        #expect(counts[CharacterClass.number] == 1_911)
        #expect(counts[CharacterClass.space] == 23)
        #expect(counts[CharacterClass.newline] == 2)
    }

    @Test(arguments: [
        #"\w+"#, #"a{1,3}+"#, #"[a-z&&[^b]]"#, #"[[:alpha:]]"#, #"(?m:a)"#, #"\h"#, #"\Ka"#, "a\\", #"\p{Lx"#, "(", "[", "(?<n>a)", #"\1"#,
    ])
    func patternsReadDifferentlyElsewhereAreRefused(pattern: String) {
        #expect(throws: SplitRegex.Invalid.self) { try SplitRegex(pattern) }
    }
}

/// A small generator with a seed, so that failures repeat (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
