import HealData

/// The text of tokens as they come, in whole characters.
///
/// A tokenizer drops the space that begins a text, so tokens that go on from others are decoded behind some of those. A token may hold part of a
/// character only: its bytes wait for the others.
struct ContinuationText {
    private let tokenizer: any Tokenizer
    private var ids: [Int32]
    private var given: Int
    /// All text given out so far.
    private(set) var whole = ""

    /// Enough tokens before the first new one for every rule about beginnings.
    private static let lead = 8

    init(_ tokenizer: any Tokenizer, prompt: [Int32]) {
        self.tokenizer = tokenizer
        ids = Array(prompt.suffix(Self.lead))
        given = tokenizer.decode(ids, skipSpecial: true).count
    }

    /// The text that is certain now that `id` is there.
    mutating func add(_ id: Int32) -> String {
        ids.append(id)
        let bytes = tokenizer.decode(ids, skipSpecial: true)
        let end = Self.endOfWholeCharacters(bytes)
        guard end > given else { return "" }
        let piece = String(decoding: bytes[given..<end], as: UTF8.self)
        given = end
        whole += piece
        // Long texts are not decoded from their beginning again and again.
        if ids.count > 256, end == bytes.count {
            ids.removeFirst(ids.count - Self.lead)
            given = tokenizer.decode(ids, skipSpecial: true).count
        }
        return piece
    }

    /// What is left when nothing more comes: bytes that never became a character.
    mutating func finish() -> String {
        let bytes = tokenizer.decode(ids, skipSpecial: true)
        guard bytes.count > given else { return "" }
        let piece = String(decoding: bytes[given...], as: UTF8.self)
        given = bytes.count
        whole += piece
        return piece
    }

    /// Where the last whole character ends: before an unfinished one, and before replacement characters, which a decoder writes for one.
    private static func endOfWholeCharacters(_ bytes: [UInt8]) -> Int {
        var end = bytes.count
        while end >= 3, bytes[(end - 3)..<end].elementsEqual([0xEF, 0xBF, 0xBD]) { end -= 3 }
        for length in 1...min(3, max(1, end)) where end >= length {
            let byte = bytes[end - length]
            if byte & 0xC0 == 0x80 { continue }
            let needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return needed > length ? end - length : end
        }
        return end
    }
}
