/// Work on Unicode scalars, which Python's strings are made of.
extension TracedText {
    /// Bytes of the scalar that begins with `byte`.
    static func length(ofScalarFrom byte: UInt8) -> Int { byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4 }

    var scalarCount: Int { bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }

    /// Where each scalar begins, and the end.
    var scalarStarts: [Int] { bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 } + [count] }

    /// Each scalar as a text.
    var scalars: [TracedText] {
        let starts = scalarStarts
        return (0..<starts.count - 1).map { self[starts[$0]..<starts[$0 + 1]] }
    }

    private func scalar(_ range: Range<Int>) -> Unicode.Scalar {
        String(decoding: bytes[range], as: UTF8.self).unicodeScalars.first ?? "\u{FFFD}"
    }

    /// The text without the scalars at its ends that `isStripped` names.
    func stripped(start: Bool = true, end: Bool = true, _ isStripped: (Unicode.Scalar) -> Bool = { $0.isPythonSpace }) -> TracedText {
        var low = 0, high = count
        while start, low < high {
            let next = min(high, low + Self.length(ofScalarFrom: bytes[low]))
            guard isStripped(scalar(low..<next)) else { break }
            low = next
        }
        while end, high > low {
            var previous = high - 1
            while previous > low, bytes[previous] & 0xC0 == 0x80 { previous -= 1 }
            guard isStripped(scalar(previous..<high)) else { break }
            high = previous
        }
        return self[low..<high]
    }

    /// Where `pattern` begins at or after `place`.
    func find(_ pattern: [UInt8], from place: Int = 0) -> Int? {
        guard !pattern.isEmpty else { return place <= count ? place : nil }
        return occurrences(of: pattern, limit: 1, from: place).first
    }

    /// Where each occurrence of `pattern`, which is not empty, begins; none overlaps the one before.
    func occurrences(of pattern: [UInt8], limit: Int = .max, from place: Int = 0) -> [Int] {
        Self.occurrences(of: pattern, in: bytes, limit: limit, from: place)
    }

    /// The search of Knuth, Morris and Pratt: each byte is looked at twice at most, whatever the pattern.
    private static func occurrences(of pattern: [UInt8], in bytes: [UInt8], limit: Int, from place: Int) -> [Int] {
        var places: [Int] = []
        guard limit > 0, place + pattern.count <= bytes.count else { return places }
        // How much of the pattern's beginning is also the end of its first i + 1 bytes.
        var borders = [0], matched = 0
        for byte in pattern.dropFirst() {
            while matched > 0, pattern[matched] != byte { matched = borders[matched - 1] }
            if pattern[matched] == byte { matched += 1 }
            borders.append(matched)
        }
        matched = 0
        for at in place..<bytes.count {
            let byte = bytes[at]
            while matched > 0, pattern[matched] != byte { matched = borders[matched - 1] }
            if pattern[matched] == byte { matched += 1 }
            guard matched == pattern.count else { continue }
            places.append(at + 1 - matched)
            if places.count == limit { break }
            matched = 0
        }
        return places
    }

    func replacing(_ old: TracedText, with new: TracedText, limit: Int = .max) -> TracedText {
        var result = TracedText(), place = 0
        let starts = old.isEmpty ? Array(scalarStarts.prefix(limit)) : occurrences(of: old.bytes, limit: limit)
        for start in starts {
            result.append(self[place..<start])
            result.append(new)
            place = start + old.count
        }
        result.append(self[place..<count])
        return result
    }

    /// The parts between occurrences of `separator`, which is not empty: at most `limit` cuts, from the end if `backwards`.
    func split(_ separator: [UInt8], limit: Int, backwards: Bool) -> [TracedText] {
        var cuts = backwards ? backwardOccurrences(of: separator, limit: limit) : occurrences(of: separator, limit: limit)
        cuts.sort()
        var parts: [TracedText] = [], place = 0
        for cut in cuts {
            parts.append(self[place..<cut])
            place = cut + separator.count
        }
        return parts + [self[place..<count]]
    }

    private func backwardOccurrences(of pattern: [UInt8], limit: Int) -> [Int] {
        guard !pattern.isEmpty else { return limit > 0 ? [count] : [] }
        return Self.occurrences(of: pattern.reversed(), in: bytes.reversed(), limit: limit, from: 0).map { count - $0 - pattern.count }
    }

    /// The words between stretches of white space: at most `limit` cuts, from the end if `backwards`.
    func splitAtSpace(limit: Int, backwards: Bool) -> [TracedText] {
        var words: [Range<Int>] = [], start: Int?
        let starts = scalarStarts
        for i in 0..<starts.count - 1 {
            if scalar(starts[i]..<starts[i + 1]).isPythonSpace {
                if let begun = start { words.append(begun..<starts[i]) }
                start = nil
            } else if start == nil {
                start = starts[i]
            }
        }
        if let start { words.append(start..<count) }
        guard limit >= 0, words.count - 1 > limit else { return words.map { self[$0] } }
        if backwards {
            let rest = words.count - limit
            return [self[0..<words[rest - 1].upperBound]] + words[rest...].map { self[$0] }
        }
        return words[..<limit].map { self[$0] } + [self[words[limit].lowerBound..<count]]
    }

    /// The lines, ended as Python's `splitlines` ends them.
    func lines(keepingEnds: Bool = false) -> [TracedText] {
        var lines: [TracedText] = [], place = 0, at = 0
        while at < count {
            let next = at + Self.length(ofScalarFrom: bytes[at])
            guard Self.endsLine(scalar(at..<next)) else { at = next; continue }
            let end = bytes[at] == 0x0D && next < count && bytes[next] == 0x0A ? next + 1 : next
            lines.append(self[place..<(keepingEnds ? end : at)])
            (place, at) = (end, end)
        }
        return place < count ? lines + [self[place..<count]] : lines
    }

    private static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
