/// The columns that a text takes on a terminal.
extension String {
    package var displayWidth: Int { utf8.allSatisfy { (0x20..<0x7F).contains($0) } ? utf8.count : reduce(0) { $0 + $1.displayWidth } }

    /// As much of its beginning as fits into so many columns.
    package func prefix(columns: Int) -> Substring {
        var room = columns
        return prefix { character in
            room -= character.displayWidth
            return room >= 0
        }
    }

    /// As much of its end.
    package func suffix(columns: Int) -> Substring {
        var room = columns, start = endIndex
        while start > startIndex {
            let before = index(before: start)
            room -= self[before].displayWidth
            if room < 0 { break }
            start = before
        }
        return self[start...]
    }

    /// The text with its middle left out where it is too wide: both ends of a name tell more than its middle.
    package func shortened(columns: Int) -> String {
        if displayWidth <= columns { return self }
        if columns < 4 { return String(prefix(columns: max(0, columns))) }
        let head = (columns - 1) / 3
        return prefix(columns: head) + "…" + suffix(columns: columns - 1 - head)
    }

    /// The text with blanks behind it, or before it, to fill so many columns.
    package func padded(columns: Int, left: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(0, columns - displayWidth))
        return left ? blanks + self : self + blanks
    }
}

extension Character {
    /// 2 for East Asian wide characters and emoji, 0 for what only changes the character before it, else 1 (UAX #11).
    package var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if first.isASCII { return first.value < 0x20 ? 0 : 1 }
        // Flags are two letters; a variation selector asks for the coloured form.
        if first.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") || Self.isWide(first.value) { return 2 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: return 1
        }
    }

    /// The blocks of the property East_Asian_Width that are wide or full-width, of Unicode 16.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF: true
        case 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6: true
        case 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD: true
        default: false
        }
    }
}
