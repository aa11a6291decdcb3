/// Hand-written equals of the split patterns that nearly all byte-level tokenizers use.
///
/// Each finds the same words as its pattern does under a regex engine, found by trying the pattern's alternatives in
/// order; the tests compare it with PCRE2 on real and on random text.
enum WordScanner: Sendable, Equatable {
    /// GPT-2's pattern: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
    case gpt2
    /// GPT-2's pattern on what lies between digits, every digit being a word: SmolLM's `Digits` then `ByteLevel`.
    case digitsThenGPT2
    /// The pattern of Llama 3 (numbers in threes) and Qwen 2 (numbers singly):
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
    case cl100k(digits: Int)

    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    static let llama3Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The scanner equal to a `Split` by `pattern` with each match isolated, if there is one.
    init?(pattern: String) {
        switch pattern {
        case Self.gpt2Pattern: self = .gpt2
        case Self.llama3Pattern: self = .cl100k(digits: 3)
        case Self.qwen2Pattern: self = .cl100k(digits: 1)
        default: return nil
        }
    }

    /// The end of the word that starts at `start`; `start < end`, and the text is valid UTF-8.
    @inline(__always)
    func wordEnd(_ text: UnsafePointer<UInt8>, from start: Int, to end: Int, _ classes: UnsafePointer<UInt8>) -> Int {
        switch self {
        case .gpt2: Cursor(text: text, end: end, classes: classes).gpt2(start, digitsApart: false)
        case .digitsThenGPT2: Cursor(text: text, end: end, classes: classes).gpt2(start, digitsApart: true)
        case .cl100k(let digits): Cursor(text: text, end: end, classes: classes).cl100k(start, digits: digits)
        }
    }
}

/// The text under a scanner.
private struct Cursor {
    let text: UnsafePointer<UInt8>
    let end: Int
    let classes: UnsafePointer<UInt8>

    /// Class and length of the character at `index`, which is before the end.
    @inline(__always)
    func character(_ index: Int) -> (kind: UInt8, length: Int) {
        let byte = text[index]
        if byte < 0x80 { return (classes[Int(byte)], 1) }
        let scalar = UTF8Text.scalar(text, at: index)
        return (classes[Int(scalar.value)], scalar.length)
    }

    /// The end of the run of characters of class `kind` that starts at `index`.
    @inline(__always)
    func run(_ index: Int, of kind: UInt8) -> Int {
        var index = index
        while index < end {
            let (next, length) = character(index)
            if next != kind { break }
            index &+= length
        }
        return index
    }

    @inline(__always)
    func gpt2(_ start: Int, digitsApart: Bool) -> Int {
        let first = text[start]
        if first == UInt8(ascii: "'"), let stop = contraction(start, anyCase: false) { return stop }
        let (kind, length) = character(start)
        switch kind {
        case CharacterClass.number:
            return digitsApart ? start &+ length : run(start &+ length, of: kind)
        case CharacterClass.letter, CharacterClass.other:
            return run(start &+ length, of: kind)
        default:
            if first == UInt8(ascii: " "), start &+ 1 < end {
                let (next, nextLength) = character(start &+ 1)
                if next < CharacterClass.space, !(digitsApart && next == CharacterClass.number) {
                    return run(start &+ 1 &+ nextLength, of: next)
                }
            }
            return spaces(start, digitsApart: digitsApart).end
        }
    }

    @inline(__always)
    func cl100k(_ start: Int, digits: Int) -> Int {
        let first = text[start]
        if first == UInt8(ascii: "'"), let stop = contraction(start, anyCase: true) { return stop }
        let (kind, length) = character(start)
        if kind == CharacterClass.letter { return run(start &+ length, of: kind) }
        if kind == CharacterClass.number {
            var index = start &+ length
            var left = digits &- 1
            while left > 0, index < end {
                let (next, nextLength) = character(index)
                if next != CharacterClass.number { break }
                index &+= nextLength
                left &-= 1
            }
            return index
        }
        let after = start &+ length
        if kind != CharacterClass.newline, after < end {
            let (next, nextLength) = character(after)
            if next == CharacterClass.letter { return run(after &+ nextLength, of: next) }
            if next == CharacterClass.other, first == UInt8(ascii: " ") { return lineEnd(run(after &+ nextLength, of: next)) }
        }
        if kind == CharacterClass.other { return lineEnd(run(after, of: kind)) }
        let white = spaces(start, digitsApart: false)
        return white.afterNewline ?? white.end
    }

    /// Carriage returns and line feeds from `index` on: `[\r\n]*`.
    @inline(__always)
    private func lineEnd(_ index: Int) -> Int {
        var index = index
        while index < end, text[index] == 0x0A || text[index] == 0x0D { index &+= 1 }
        return index
    }

    /// `\s+(?!\S)|\s+` from `start`, and where the run's last newline ends: `\s*[\r\n]+`.
    ///
    /// Before a non-space, the run leaves its last character to the next word unless that is all it has. When digits are
    /// words of their own, a digit ends the text as the pattern sees it.
    private func spaces(_ start: Int, digitsApart: Bool) -> (end: Int, afterNewline: Int?) {
        var index = start
        var last = start
        var afterNewline: Int?
        while index < end {
            let (kind, length) = character(index)
            if kind < CharacterClass.space {
                if last > start, !(digitsApart && kind == CharacterClass.number) { return (last, afterNewline) }
                return (index, afterNewline)
            }
            last = index
            index &+= length
            if kind == CharacterClass.newline { afterNewline = index }
        }
        return (index, afterNewline)
    }

    /// The end of `'s|'t|'re|'ve|'m|'ll|'d` at `start`, which holds the apostrophe.
    private func contraction(_ start: Int, anyCase: Bool) -> Int? {
        guard start &+ 1 < end else { return nil }
        let fold: UInt8 = anyCase ? 0x20 : 0
        func letter(_ index: Int) -> UInt8 {
            let byte = text[index]
            // Upper-case A to Z only: other bytes must not become letters by setting the bit.
            return byte >= 0x41 && byte <= 0x5A ? byte | fold : byte
        }
        switch letter(start &+ 1) {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
            return start &+ 2
        case UInt8(ascii: "r") where start &+ 2 < end && letter(start &+ 2) == UInt8(ascii: "e"),
            UInt8(ascii: "v") where start &+ 2 < end && letter(start &+ 2) == UInt8(ascii: "e"),
            UInt8(ascii: "l") where start &+ 2 < end && letter(start &+ 2) == UInt8(ascii: "l"):
            return start &+ 3
        case 0xC5 where anyCase && text[start &+ 2] == 0xBF:
            return start &+ 3  // U+017F, the long s, folds to s.
        default:
            return nil
        }
    }
}
