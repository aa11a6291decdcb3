import Foundation

/// Unicode normalisation form C, with the place in the source that each byte came from.
enum CanonicalComposition {
    /// Ranges of characters that normalisation leaves alone whatever comes before them. A subset: what is not in here is
    /// looked at closely. Checked against the Unicode database by `Tests/Golden/tokenizers/check_inert.py`.
    private static let inertRanges: [ClosedRange<UInt32>] = [
        0x0388...0x0481, 0x048A...0x0587, 0x05D0...0x05EA, 0x0620...0x064A, 0x0660...0x066F, 0x0904...0x0939,
        0x0E01...0x0E37, 0x1E00...0x1F70, 0x2010...0x2027, 0x2030...0x205E, 0x2070...0x20CF, 0x2100...0x2125,
        0x2190...0x2328, 0x232B...0x2ADB, 0x2E80...0x3029, 0x3030...0x3098, 0x309B...0xA66E, 0xAC00...0xD7A3,
        0xE000...0xF8FF, 0xFE00...0xFE0F, 0xFE30...0xFFFD, 0x1F000...0x1FAFF, 0x20000...0x2F7FF,
    ]

    static func isInert(_ scalar: UInt32) -> Bool {
        if scalar < 0x300 { return true }
        return inertRanges.contains { $0.contains(scalar) }
    }

    /// Appends the composed form of `segment` to `out`.
    static func compose(_ segment: Segment, into out: MappedText) {
        var done = 0
        var index = 0
        while index < segment.count {
            if segment.text[index] < 0xCC {  // below U+0300
                index += UTF8Text.length(lead: segment.text[index])
                continue
            }
            let (scalar, length) = UTF8Text.scalar(segment.text, at: index)
            if isInert(scalar) {
                index += length
                continue
            }
            // A run of characters that may combine, with the one that they may combine with.
            let start = index > done ? UTF8Text.previous(segment.text, before: index) : index
            var end = index + length
            while end < segment.count {
                let next = UTF8Text.scalar(segment.text, at: end)
                if isInert(next.value) { break }
                end += next.length
            }
            out.append(segment, done..<start)
            composeRun(segment, start..<end, into: out)
            done = end
            index = end
        }
        out.append(segment, done..<segment.count)
    }

    private static func composeRun(_ segment: Segment, _ range: Range<Int>, into out: MappedText) {
        let source = UnsafeBufferPointer(start: segment.text + range.lowerBound, count: range.count)
        let composed = Array(String(decoding: source, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
        var same = 0
        while same < min(source.count, composed.count), source[same] == composed[same] { same += 1 }
        if same == source.count, same == composed.count {
            out.append(segment, range)
            return
        }
        // What is equal at both ends keeps its places; all between comes from where the difference starts.
        var tail = 0
        while tail < min(source.count, composed.count) - same,
            source[source.count - 1 - tail] == composed[composed.count - 1 - tail]
        { tail += 1 }
        // The difference starts with a whole character.
        while same > 0, same < composed.count, composed[same] & 0xC0 == 0x80 { same -= 1 }
        out.append(segment, range.lowerBound..<range.lowerBound + same)
        out.append(Array(composed[same..<max(same, composed.count - tail)]), from: segment.origin(range.lowerBound + same))
        out.append(segment, range.upperBound - tail..<range.upperBound)
    }
}
