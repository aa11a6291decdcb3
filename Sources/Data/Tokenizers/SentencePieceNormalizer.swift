/// The normaliser of a sentencepiece model: replacement of characters by a compiled table, white space, the dummy prefix.
struct SentencePieceNormalizer: Sendable {
    /// Where the dummy prefix goes.
    enum Prefix: Sendable, Equatable {
        case none
        /// Before every stretch of text, also one that follows a special token.
        case everySegment
        /// Only before text that starts where the whole text starts.
        case textStart
    }

    var prefix: Prefix
    var removeExtraWhitespaces: Bool
    var escapeWhitespaces: Bool
    var charsmap: CharacterReplacements?
    /// User-defined pieces are left as they are.
    var userDefined: PrefixMatcher?

    func normalize(_ segment: Segment, into out: MappedText) {
        var index = 0
        if removeExtraWhitespaces {
            // Leading spaces go, also those that a replacement makes.
            while index < segment.count {
                let (text, length) = next(segment, index)
                if !(text.count == 1 && text.first == 0x20) { break }
                index += length
            }
        }
        guard index < segment.count else { return }
        let start = out.count
        if prefix == .everySegment || (prefix == .textStart && segment.origin(0) == 0) {
            appendSpace(segment.origin(index), out)
        }
        if charsmap == nil, userDefined == nil, !removeExtraWhitespaces {
            appendPlain(segment, index, out)
            return
        }
        var previousIsSpace = removeExtraWhitespaces
        while index < segment.count {
            var (text, length) = next(segment, index)
            while previousIsSpace, text.first == 0x20 { text = UnsafeBufferPointer(rebasing: text.dropFirst()) }
            if !text.isEmpty {
                let origin = segment.origin(index)
                // A character left as it is keeps the places of its bytes.
                let same = text.baseAddress == segment.text + index
                for offset in 0..<text.count {
                    if text[offset] == 0x20 {
                        appendSpace(same ? segment.origin(index + offset) : origin, out)
                    } else {
                        out.reserve(1)
                        out.appendReserved(text[offset], from: same ? segment.origin(index + offset) : origin)
                    }
                }
                previousIsSpace = text.last == 0x20
            }
            index += length
            if !removeExtraWhitespaces { previousIsSpace = false }
        }
        if removeExtraWhitespaces { trimEnd(out, from: start) }
    }

    /// Text of which only the spaces change: the usual case.
    private func appendPlain(_ segment: Segment, _ start: Int, _ out: MappedText) {
        out.reserve((segment.count &- start) &* 3)
        let marks = escapeWhitespaces
        for index in start..<segment.count {
            let byte = segment.text[index]
            let origin = segment.origin(index)
            if byte == 0x20, marks {
                out.appendReserved(0xE2, from: origin)
                out.appendReserved(0x96, from: origin)
                out.appendReserved(0x81, from: origin)
            } else {
                out.appendReserved(byte, from: origin)
            }
        }
    }

    private func appendSpace(_ origin: Int32, _ out: MappedText) {
        out.append(escapeWhitespaces ? PreTokenizer.mark : [0x20], from: origin)
    }

    private func trimEnd(_ out: MappedText, from start: Int) {
        let space = escapeWhitespaces ? PreTokenizer.mark : [0x20]
        while out.count >= start + space.count, space.indices.allSatisfy({ out.bytes[out.count - space.count + $0] == space[$0] }) {
            out.truncate(to: out.count - space.count)
        }
    }

    /// What stands at `index` after replacement, and how many bytes of the text it takes.
    @inline(__always)
    private func next(_ segment: Segment, _ index: Int) -> (text: UnsafeBufferPointer<UInt8>, length: Int) {
        if let length = userDefined?.longestMatch(segment, at: index) {
            return (UnsafeBufferPointer(start: segment.text + index, count: length), length)
        }
        if let charsmap, let match = charsmap.longestMatch(segment, at: index) { return match }
        let length = UTF8Text.length(lead: segment.text[index])
        return (UnsafeBufferPointer(start: segment.text + index, count: length), length)
    }
}

/// Finds the longest of a set of byte strings at a place.
struct PrefixMatcher: Sendable {
    private let matcher: AddedTokenMatcher

    init?(_ strings: [[UInt8]]) {
        if strings.isEmpty { return nil }
        matcher = AddedTokenMatcher(strings.map { AddedToken(id: 0, content: $0) })
    }

    func longestMatch(_ segment: Segment, at index: Int) -> Int? { matcher.matchLength(segment, at: index) }
}

/// The compiled replacement table of a sentencepiece model (`precompiled_charsmap`): a double-array trie from byte strings
/// to offsets into a block of zero-terminated replacements.
///
/// Unit of the trie: bits 0-7 label, 8 has-leaf, 10-30 offset (bit 9: shifted by 8); a leaf has bit 31 and a 31-bit value.
final class CharacterReplacements: @unchecked Sendable {
    // Neither changes after `init`, so threads may share them; the replacements' addresses are handed out.
    private let units: [UInt32]
    private let replacements: UnsafeMutableBufferPointer<UInt8>

    /// nil when the table breaks its format.
    init?(_ blob: [UInt8]) {
        guard blob.count > 4 else { return nil }
        func word(_ at: Int) -> UInt32 {
            UInt32(blob[at]) | UInt32(blob[at + 1]) << 8 | UInt32(blob[at + 2]) << 16 | UInt32(blob[at + 3]) << 24
        }
        let size = Int(word(0))
        guard size % 4 == 0, size >= 4, size < blob.count - 4, blob.last == 0 else { return nil }
        units = (0..<size / 4).map { word(4 + 4 * $0) }
        let text = blob[(4 + size)...]
        guard text.withUnsafeBufferPointer({ UTF8Text.firstInvalid($0) }) == nil else { return nil }
        replacements = .allocate(capacity: text.count)
        _ = replacements.initialize(from: text)
    }

    deinit { replacements.deallocate() }

    func longestMatch(_ segment: Segment, at start: Int) -> (text: UnsafeBufferPointer<UInt8>, length: Int)? {
        var unit = units[0]
        var position = Self.offset(unit)
        var found: (value: Int, length: Int)?
        var index = start
        while index < segment.count {
            let byte = segment.text[index]
            position ^= Int(byte)
            guard position < units.count else { break }
            unit = units[position]
            if unit & 0x8000_00FF != UInt32(byte) { break }
            position ^= Self.offset(unit)
            index += 1
            if unit & 0x100 != 0, position < units.count { found = (Int(units[position] & 0x7FFF_FFFF), index - start) }
        }
        guard let found, found.value < replacements.count else { return nil }
        var end = found.value
        while end < replacements.count, replacements[end] != 0 { end += 1 }
        // In a sound table matches end, and replacements start, between characters; what comes out must be UTF-8.
        let stop = start + found.length
        guard stop == segment.count || segment.text[stop] & 0xC0 != 0x80, replacements[found.value] & 0xC0 != 0x80 else { return nil }
        return (UnsafeBufferPointer(rebasing: replacements[found.value..<end]), found.length)
    }

    private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }
}
