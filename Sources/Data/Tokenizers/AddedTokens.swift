/// A token that is looked for in the text itself, before the model sees it.
struct AddedToken: Sendable {
    var id: Int32
    var content: [UInt8]
    /// Ordinary text when special tokens are not to be parsed, and skipped by decoding on request.
    var special = true
    /// Only found where no word character is next to it.
    var singleWord = false
    /// Takes the white space before it.
    var leftStrip = false
    /// Takes the white space after it.
    var rightStrip = false
    /// Looked for in the normalised text.
    var normalized = false
}

/// Finds added tokens in a text: leftmost first, of those that start together the longest.
struct AddedTokenMatcher: Sendable {
    private struct Node {
        var byte: UInt8
        var sibling: Int32 = -1
        var child: Int32 = -1
        /// Index into `tokens`, or -1.
        var token: Int32 = -1
    }

    private var nodes: [Node] = [Node(byte: 0)]
    private var tokens: [AddedToken] = []
    /// Whether a token can start with the byte.
    private var starts = [Bool](repeating: false, count: 256)

    init(_ tokens: [AddedToken]) {
        for token in tokens where !token.content.isEmpty { insert(token) }
    }

    var isEmpty: Bool { tokens.isEmpty }

    private mutating func insert(_ token: AddedToken) {
        var node = 0
        starts[Int(token.content[0])] = true
        for byte in token.content {
            var child = nodes[node].child
            while child >= 0, nodes[Int(child)].byte != byte { child = nodes[Int(child)].sibling }
            if child < 0 {
                child = Int32(nodes.count)
                nodes.append(Node(byte: byte, sibling: nodes[node].child))
                nodes[node].child = child
            }
            node = Int(child)
        }
        nodes[node].token = Int32(tokens.count)
        tokens.append(token)
    }

    private func longestMatch(_ segment: Segment, at start: Int) -> Int? {
        var node = nodes[0].child
        var index = start
        var found: Int?
        while node >= 0, index < segment.count {
            let byte = segment.text[index]
            while node >= 0, nodes[Int(node)].byte != byte { node = nodes[Int(node)].sibling }
            guard node >= 0 else { break }
            if nodes[Int(node)].token >= 0 { found = Int(nodes[Int(node)].token) }
            node = nodes[Int(node)].child
            index += 1
        }
        return found
    }

    /// Length of the longest token at a place.
    @inline(__always)
    func matchLength(_ segment: Segment, at index: Int) -> Int? {
        guard starts[Int(segment.text[index])], let found = longestMatch(segment, at: index) else { return nil }
        return tokens[found].content.count
    }

    /// What a text consists of.
    enum Part {
        case text(Range<Int>)
        case token(Int32, at: Int)
    }

    /// Calls `body` with the parts of the segment in order; special tokens count as text unless `parseSpecial`.
    func forEachPart(_ segment: Segment, parseSpecial: Bool, _ body: (Part) -> Void) {
        var done = 0
        var index = 0
        while index < segment.count {
            guard starts[Int(segment.text[index])], let found = longestMatch(segment, at: index) else {
                index &+= 1
                continue
            }
            let token = tokens[found]
            var start = index
            var stop = index + token.content.count
            // A match that is turned down still uses up its text, as in the reference.
            index = stop
            if token.special, !parseSpecial { continue }
            if token.singleWord, Self.wordEnds(segment, start) || Self.wordStarts(segment, stop) { continue }
            if token.leftStrip { start = max(done, Self.spacesBefore(segment, start)) }
            if token.rightStrip { stop = Self.spacesAfter(segment, stop) }
            if start > done { body(.text(done..<start)) }
            body(.token(token.id, at: start))
            done = stop
        }
        if done < segment.count { body(.text(done..<segment.count)) }
    }

    private static func wordEnds(_ segment: Segment, _ index: Int) -> Bool {
        index > 0 && isWord(UTF8Text.scalar(segment.text, at: UTF8Text.previous(segment.text, before: index)).value)
    }

    private static func wordStarts(_ segment: Segment, _ index: Int) -> Bool {
        index < segment.count && isWord(UTF8Text.scalar(segment.text, at: index).value)
    }

    /// `\w` of the Rust regex library.
    private static func isWord(_ value: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(value), UnicodeTables.isAssigned(scalar) else { return false }
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }

    private static func isSpace(_ value: UInt32) -> Bool { CharacterClasses.shared[value] >= CharacterClass.space }

    private static func spacesBefore(_ segment: Segment, _ index: Int) -> Int {
        var start = index
        while start > 0 {
            let previous = UTF8Text.previous(segment.text, before: start)
            guard isSpace(UTF8Text.scalar(segment.text, at: previous).value) else { break }
            start = previous
        }
        return start
    }

    private static func spacesAfter(_ segment: Segment, _ index: Int) -> Int {
        var stop = index
        while stop < segment.count {
            let scalar = UTF8Text.scalar(segment.text, at: stop)
            guard isSpace(scalar.value) else { break }
            stop += scalar.length
        }
        return stop
    }
}
