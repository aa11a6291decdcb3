import Foundation
import Testing

@testable import HealData

/// What holds for all tokenizers whatever their files.
@Suite struct TokenizerBehaviorTests {
    /// Many threads share one tokenizer.
    @Test func threadsGetTheSameIds() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("smollm2")
        let texts = try TokenizerGoldens.texts()
        let expected = try TokenizerGoldens.expected("smollm2").rows.map(\.ids)
        let wrong = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for round in 0..<texts.count {
                let index = (round * 7 + thread * 31) % texts.count
                if tokenizer.encode(texts[index]) != expected[index] { wrong.add() }
            }
        }
        #expect(wrong.value == 0)
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        func add() { lock.withLock { count += 1 } }
        var value: Int { lock.withLock { count } }
    }

    /// Byte-level decoding gives back the text, whatever is cut where.
    @Test(arguments: ["smollm2", "gpt2", "llama3_style", "tiktoken_style"])
    func decodingInvertsEncoding(name: String) throws {
        let tokenizer = try TokenizerGoldens.tokenizer(name)
        for text in try TokenizerGoldens.texts() {
            let ids = tokenizer.encode(text)
            #expect(tokenizer.decode(ids, skipSpecial: false) == Array(text.utf8))
            let cut = ids.count / 2
            let parts = tokenizer.decode(ids[..<cut], skipSpecial: false) + tokenizer.decode(ids[cut...], skipSpecial: false)
            #expect(parts == Array(text.utf8))
        }
    }

    /// A long line without spaces takes no quadratic time: seconds, where that would be an hour.
    @Test(.timeLimit(.minutes(5)), arguments: ["openllama", "spm_across", "llama2_style"])
    func longWordsAreNoTrap(name: String) throws {
        let tokenizer = try TokenizerGoldens.tokenizer(name)
        let word = String(repeating: "abcdefghij", count: 12000)
        let ids = tokenizer.encode(word)
        #expect(tokenizer.decodeString(ids) == word)
        // Far from the ends the tokens repeat, as the word does.
        let half = tokenizer.encode(String(repeating: "abcdefghij", count: 6000))
        #expect(abs(ids.count - 2 * half.count) < 10)
    }

    /// Both ways of merging, by list and by heap, give the same tokens: words on either side of the border between them.
    @Test func mergingByListAndByHeapAgree() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("openllama")
        var random = SeededGenerator(state: 3)
        for _ in 0..<300 {
            let letters = (0..<Int.random(in: 20...45, using: &random)).map { _ in "etaoinshr".randomElement(using: &random)! }
            let word = String(letters)
            // After a space the words are encoded apart; glued by a character that nothing merges with they are one long word.
            let apart = tokenizer.encode(word)
            let long = tokenizer.encode(word + String(repeating: "\u{1}", count: 60))
            #expect(Array(long.prefix(apart.count)) == apart, "\(word)")
        }
    }

    @Test func addedIdsAreAppended() throws {
        let tokenizer = try TokenizerGoldens.tokenizer("smollm2")
        var ids: [Int32] = [9]
        var offsets: [Int32] = [9]
        Array("Hello world".utf8).withUnsafeBufferPointer { tokenizer.encode($0, parseSpecial: true, into: &ids, offsets: &offsets) }
        #expect(ids == [9, 19556, 905])
        #expect(offsets == [9, 0, 5])
        tokenizer.encode(UnsafeBufferPointer(start: nil, count: 0), parseSpecial: true, into: &ids, offsets: &offsets)
        #expect(ids.count == 3)
        #expect(tokenizer.decode([-1, 49152, 19556], skipSpecial: true) == Array("Hello".utf8))
    }
}
