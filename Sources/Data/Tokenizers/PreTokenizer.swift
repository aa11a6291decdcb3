/// Cuts a segment into the words that the model encodes one by one.
enum PreTokenizer: Sendable {
    /// The whole segment is one word.
    case whole
    /// A well-known pattern.
    case scanner(WordScanner)
    /// Before each mark (`▁`) that follows something else. Only for models in which no merge crosses such a place, where it
    /// changes nothing but the speed.
    case beforeMarks
    /// Steps as the file spells them, each applied to the pieces that the one before left.
    case steps([Step])

    enum Step: Sendable {
        case split(Pattern, Behavior, inverted: Bool)
        case scanner(WordScanner)
    }

    enum Pattern: Sendable {
        case regex(SplitRegex)
        case literal([UInt8])
        /// Numeric characters.
        case digit
    }

    /// What becomes of a match of the pattern.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// Calls `body` with the start and end of each word of `segment`, in order.
    @inline(__always)
    func forEachWord(_ segment: Segment, _ scratch: EncodeScratch, _ body: (Int, Int) -> Void) {
        switch self {
        case .whole:
            if segment.count > 0 { body(0, segment.count) }
        case .scanner(let scanner):
            let classes = CharacterClasses.shared.table
            var start = 0
            while start < segment.count {
                let end = scanner.wordEnd(segment.text, from: start, to: segment.count, classes)
                body(start, end)
                start = end
            }
        case .beforeMarks:
            var start = 0
            while start < segment.count {
                let end = Self.nextMark(segment, from: start)
                body(start, end)
                start = end
            }
        case .steps(let steps):
            for range in Self.ranges(segment, steps, scratch) { body(range.lowerBound, range.upperBound) }
        }
    }

    /// The bytes of U+2581.
    static let mark: [UInt8] = [0xE2, 0x96, 0x81]

    @inline(__always)
    private static func isMark(_ segment: Segment, _ index: Int) -> Bool {
        index &+ 3 <= segment.count && segment.text[index] == 0xE2 && segment.text[index &+ 1] == 0x96
            && segment.text[index &+ 2] == 0x81
    }

    @inline(__always)
    private static func nextMark(_ segment: Segment, from start: Int) -> Int {
        var index = start
        while isMark(segment, index) { index &+= 3 }
        while index < segment.count {
            if segment.text[index] == 0xE2, isMark(segment, index) { break }
            index &+= 1
        }
        return index
    }

    private static func ranges(_ segment: Segment, _ steps: [Step], _ scratch: EncodeScratch) -> [Range<Int>] {
        scratch.ranges.removeAll(keepingCapacity: true)
        if segment.count > 0 { scratch.ranges.append(0..<segment.count) }
        for step in steps {
            scratch.rangesNext.removeAll(keepingCapacity: true)
            for range in scratch.ranges {
                switch step {
                case .scanner(let scanner):
                    var start = range.lowerBound
                    while start < range.upperBound {
                        let end = scanner.wordEnd(segment.text, from: start, to: range.upperBound, CharacterClasses.shared.table)
                        scratch.rangesNext.append(start..<end)
                        start = end
                    }
                case .split(let pattern, let behavior, let inverted):
                    split(segment.slice(range), pattern, behavior, inverted, scratch.regex) { piece in
                        scratch.rangesNext.append(range.lowerBound + piece.lowerBound..<range.lowerBound + piece.upperBound)
                    }
                }
            }
            swap(&scratch.ranges, &scratch.rangesNext)
        }
        return scratch.ranges
    }

    private static func split(
        _ segment: Segment, _ pattern: Pattern, _ behavior: Behavior, _ inverted: Bool, _ workspace: SplitRegex.Workspace?,
        _ emit: (Range<Int>) -> Void
    ) {
        // Alternating stretches in order: between matches, and matches.
        var pieces: [(range: Range<Int>, matches: Bool)] = []
        var done = 0
        forEachMatch(segment, pattern, workspace) { match in
            if match.lowerBound > done { pieces.append((done..<match.lowerBound, inverted)) }
            pieces.append((match, !inverted))
            done = match.upperBound
        }
        if done < segment.count { pieces.append((done..<segment.count, inverted)) }

        var joined: [Range<Int>] = []
        switch behavior {
        case .removed:
            joined = pieces.filter { !$0.matches }.map(\.range)
        case .isolated:
            joined = pieces.map(\.range)
        case .mergedWithPrevious:
            var previousMatches = false
            for piece in pieces {
                if piece.matches, !previousMatches, let last = joined.popLast() {
                    joined.append(last.lowerBound..<piece.range.upperBound)
                } else {
                    joined.append(piece.range)
                }
                previousMatches = piece.matches
            }
        case .mergedWithNext:
            var nextMatches = false
            for piece in pieces.reversed() {
                if piece.matches, !nextMatches, let last = joined.popLast() {
                    joined.append(piece.range.lowerBound..<last.upperBound)
                } else {
                    joined.append(piece.range)
                }
                nextMatches = piece.matches
            }
            joined.reverse()
        case .contiguous:
            var previousMatches = false
            for piece in pieces {
                if let last = joined.last, piece.matches == previousMatches {
                    joined[joined.count - 1] = last.lowerBound..<piece.range.upperBound
                } else {
                    joined.append(piece.range)
                }
                previousMatches = piece.matches
            }
        }
        for range in joined where !range.isEmpty { emit(range) }
    }

    private static func forEachMatch(
        _ segment: Segment, _ pattern: Pattern, _ workspace: SplitRegex.Workspace?, _ body: (Range<Int>) -> Void
    ) {
        var start = 0
        switch pattern {
        case .regex(let regex):
            guard let workspace else { return }
            while start <= segment.count, let match = regex.firstMatch(in: segment.buffer, from: start, workspace) {
                body(match)
                start = match.upperBound
                if match.isEmpty {
                    if start >= segment.count { return }
                    start += UTF8Text.length(lead: segment.text[start])
                }
            }
        case .literal(let literal):
            while start + literal.count <= segment.count {
                if literal.indices.allSatisfy({ segment.text[start + $0] == literal[$0] }) {
                    body(start..<start + literal.count)
                    start += literal.count
                } else {
                    start += 1
                }
            }
        case .digit:
            while start < segment.count {
                let scalar = UTF8Text.scalar(segment.text, at: start)
                if CharacterClasses.shared[scalar.value] == CharacterClass.number { body(start..<start + scalar.length) }
                start += scalar.length
            }
        }
    }
}
