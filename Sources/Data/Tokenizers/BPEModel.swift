/// A byte-pair encoding: turns a word into symbols and merges neighbours, best merge first, until none applies.
final class BPEModel: Sendable {
    /// What a word's first symbols are.
    enum Alphabet: Sendable {
        /// One symbol a byte; -1 for a byte that has none.
        case bytes([Int32])
        /// One symbol a character.
        case characters(CharacterMap)
    }

    /// What happens to a character (or byte) without a symbol.
    struct Unknowns: Sendable {
        /// The id that stands for it; nil: it is dropped.
        var id: Int32?
        /// Whether a run of them becomes one id.
        var fused = false
        /// The ids of the 256 bytes (`<0x00>`...), taken instead when all of a character's bytes have one; -1 where none.
        var bytes: [Int32]?
        /// Sentencepiece merges first and looks for unknown symbols afterwards; the Rust library replaces them before.
        var afterMerging = false
    }

    private let alphabet: Alphabet
    private let merges: MergeTable
    private let unknowns: Unknowns
    /// Ids from this on are characters that are no tokens themselves but part of one.
    private let tokenLimit: Int32
    /// Finds a word that is a token as it stands, before any merge is tried.
    private let wholeWords: ByteStringIndex?
    /// Outcomes for pairs of single bytes (left * 256 + right), or of ASCII characters: a small table that stays in the
    /// processor's cache, which the merge table does not. `lookUp` where the pair's symbols are not simply theirs.
    private let firstOutcomes: [UInt64]
    private static let lookUp = MergeTable.none - 1

    init(alphabet: Alphabet, merges: MergeTable, unknowns: Unknowns, tokenLimit: Int32, wholeWords: ByteStringIndex?) {
        self.alphabet = alphabet
        self.merges = merges
        self.unknowns = unknowns
        self.tokenLimit = tokenLimit
        self.wholeWords = wholeWords
        let symbols: [Int32] =
            switch alphabet {
            case .bytes(let table): table
            case .characters(let map): (0..<0x80).map { map[$0] } + [Int32](repeating: -1, count: 0x80)
            }
        firstOutcomes = (0..<0x10000).map { pair in
            let (left, right) = (symbols[pair >> 8], symbols[pair & 0xFF])
            return left < 0 || right < 0 ? Self.lookUp : merges.outcome(left, right)
        }
    }

    /// Appends the tokens of the word at `range` of `segment` to the scratch's output.
    @inline(__always)
    func encode(_ segment: Segment, _ start: Int, _ end: Int, _ scratch: EncodeScratch) {
        let count = end &- start
        if count <= WordCache.longestWord {
            let key = WordCache.key(segment.text + start, count, readable: segment.count &- start)
            if let known = scratch.cache.find(key) {
                scratch.reserveOutput(WordCache.mostTokens)
                if known.count == 1 {
                    scratch.emitReserved(known.ids[0], at: segment.origin(start))
                } else {
                    for index in 0..<known.count {
                        scratch.emitReserved(known.ids[index], at: segment.origin(start &+ Int(known.starts[index])))
                    }
                }
                return
            }
            let tokens = tokenize(segment.text + start, count, scratch)
            scratch.cache.store(key, scratch.ids, scratch.starts, tokens)
            emit(tokens, segment, start, scratch)
        } else {
            emit(tokenize(segment.text + start, count, scratch), segment, start, scratch)
        }
    }

    private func emit(_ tokens: Int, _ segment: Segment, _ start: Int, _ scratch: EncodeScratch) {
        scratch.reserveOutput(tokens)
        for index in 0..<tokens {
            scratch.emitReserved(scratch.ids[index], at: segment.origin(start &+ Int(scratch.starts[index])))
        }
    }

    /// Leaves the tokens of a word in the scratch's `ids` and `starts`, and returns how many they are.
    private func tokenize(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncodeScratch) -> Int {
        // One more than the bytes: an unknown run may be flushed after the byte symbols it came before.
        scratch.reserveSymbols(count &+ 1)
        if let wholeWords, let id = wholeWords(UnsafeBufferPointer(start: word, count: count)) {
            scratch.ids[0] = id
            scratch.starts[0] = 0
            return 1
        }
        let symbols = symbolize(word, count, scratch)
        let merged = symbols <= 48 ? mergeShort(word, symbols, scratch) : mergeLong(symbols, scratch)
        return unknowns.afterMerging ? replaceUnknowns(word, count, merged, scratch) : merged
    }

    private func symbolize(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncodeScratch) -> Int {
        let ids = scratch.ids
        let starts = scratch.starts
        var symbols = 0
        var index = 0
        // Start of an unknown run that has not been written yet.
        var pending = -1
        func push(_ id: Int32, _ start: Int) {
            ids[symbols] = id
            starts[symbols] = Int32(truncatingIfNeeded: start)
            symbols &+= 1
        }
        while index < count {
            let id: Int32
            let length: Int
            switch alphabet {
            case .bytes(let table):
                id = table[Int(word[index])]
                length = 1
            case .characters(let map):
                let scalar = UTF8Text.scalar(word, at: index)
                id = map[scalar.value]
                length = scalar.length
            }
            if id >= 0 || unknowns.afterMerging {
                if pending >= 0, let unknown = unknowns.id {
                    push(unknown, pending)
                    pending = -1
                }
                push(id >= 0 ? id : Int32.max, index)
            } else if let bytes = unknowns.bytes, (0..<length).allSatisfy({ bytes[Int(word[index &+ $0])] >= 0 }) {
                // The reference does not write a pending unknown first, so it comes after these.
                for offset in 0..<length { push(bytes[Int(word[index &+ offset])], index &+ offset) }
            } else if let unknown = unknowns.id {
                if pending >= 0, !unknowns.fused {
                    push(unknown, pending)
                    pending = index
                } else if pending < 0 {
                    pending = index
                }
            }
            index &+= length
        }
        if pending >= 0, let unknown = unknowns.id { push(unknown, pending) }
        return symbols
    }

    /// Merges few symbols: looks through all pairs for the best one each time.
    private func mergeShort(_ word: UnsafePointer<UInt8>, _ symbols: Int, _ scratch: EncodeScratch) -> Int {
        guard symbols > 1 else { return symbols }
        let ids = scratch.ids
        let starts = scratch.starts
        let outcomes = scratch.outcomes
        var count = symbols
        firstOutcomes.withUnsafeBufferPointer { table in
            for index in 0..<count &- 1 {
                let outcome = table[Int(word[Int(starts[index])]) << 8 | Int(word[Int(starts[index &+ 1])])]
                outcomes[index] = outcome == Self.lookUp ? merges.outcome(ids[index], ids[index &+ 1]) : outcome
            }
        }
        outcomes[count &- 1] = MergeTable.none
        while count > 1 {
            var best = MergeTable.none
            var at = 0
            // Of equal ranks the leftmost: an equal one further right does not replace it.
            for index in 0..<count &- 1 where outcomes[index] >> 32 < best >> 32 {
                best = outcomes[index]
                at = index
            }
            if best == MergeTable.none { break }
            ids[at] = Int32(truncatingIfNeeded: best)
            count &-= 1
            for index in at &+ 1..<max(count, at &+ 1) {
                ids[index] = ids[index &+ 1]
                starts[index] = starts[index &+ 1]
                outcomes[index] = outcomes[index &+ 1]
            }
            outcomes[at] = at &+ 1 < count ? merges.outcome(ids[at], ids[at &+ 1]) : MergeTable.none
            if at > 0 { outcomes[at &- 1] = merges.outcome(ids[at &- 1], ids[at]) }
        }
        return count
    }

    /// Merges many symbols with a heap of pairs: n log n, so that a line without spaces is no trap.
    private func mergeLong(_ symbols: Int, _ scratch: EncodeScratch) -> Int {
        let ids = scratch.ids
        let outcomes = scratch.outcomes
        let next = scratch.next
        let previous = scratch.previous
        scratch.heap.removeAll()
        func consider(_ left: Int, _ right: Int) {
            let outcome = merges.outcome(ids[left], ids[right])
            outcomes[left] = outcome
            // Rank, then position: what pops first is the best merge, leftmost of equals.
            if outcome != MergeTable.none { scratch.heap.push((outcome & 0xFFFF_FFFF_0000_0000) | UInt64(left)) }
        }
        for index in 0..<symbols {
            previous[index] = Int32(truncatingIfNeeded: index &- 1)
            next[index] = index &+ 1 < symbols ? Int32(truncatingIfNeeded: index &+ 1) : -1
            outcomes[index] = MergeTable.none
            if index &+ 1 < symbols { consider(index, index &+ 1) }
        }
        while let top = scratch.heap.pop() {
            let left = Int(top & 0xFFFF_FFFF)
            let outcome = outcomes[left]
            // An entry whose pair has changed since is stale; symbols swallowed by their left neighbour have no outcome.
            if outcome == MergeTable.none || outcome >> 32 != top >> 32 { continue }
            let right = Int(next[left])
            ids[left] = Int32(truncatingIfNeeded: outcome)
            outcomes[right] = MergeTable.none
            let after = next[right]
            next[left] = after
            outcomes[left] = MergeTable.none
            if after >= 0 {
                previous[Int(after)] = Int32(truncatingIfNeeded: left)
                consider(left, Int(after))
            }
            let before = previous[left]
            if before >= 0 { consider(Int(before), left) }
        }
        var count = 0
        var index = 0
        while index >= 0 {
            scratch.ids[count] = ids[index]
            scratch.starts[count] = scratch.starts[index]
            count &+= 1
            index = Int(next[index])
        }
        return count
    }

    /// Replaces symbols that are no tokens by their bytes' ids or by the unknown id, one for a run of them.
    private func replaceUnknowns(_ word: UnsafePointer<UInt8>, _ count: Int, _ symbols: Int, _ scratch: EncodeScratch) -> Int {
        let ids = scratch.ids
        let starts = scratch.starts
        guard (0..<symbols).contains(where: { ids[$0] >= tokenLimit }) else { return symbols }
        var out: [(id: Int32, start: Int32)] = []
        var inRun = false
        for index in 0..<symbols {
            guard ids[index] >= tokenLimit else {
                out.append((ids[index], starts[index]))
                inRun = false
                continue
            }
            let end = index + 1 < symbols ? Int(starts[index + 1]) : count
            if let bytes = unknowns.bytes {
                for position in Int(starts[index])..<end { out.append((bytes[Int(word[position])], Int32(position))) }
            } else if let unknown = unknowns.id, !inRun {
                out.append((unknown, starts[index]))
                inRun = true
            }
        }
        for (index, token) in out.enumerated() {
            ids[index] = token.id
            starts[index] = token.start
        }
        return out.count
    }
}

/// The symbol of each character; -1 for characters without one.
struct CharacterMap: Sendable {
    // Pages of 256 characters; page 0 is the empty one.
    private var pageOf = [UInt16](repeating: 0, count: 0x1100)
    private var pages = [Int32](repeating: -1, count: 256)

    subscript(_ scalar: UInt32) -> Int32 {
        get { pages[Int(pageOf[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)] }
        set {
            let page = Int(scalar >> 8)
            if pageOf[page] == 0 {
                pageOf[page] = UInt16(pages.count >> 8)
                pages.append(contentsOf: repeatElement(-1, count: 256))
            }
            pages[Int(pageOf[page]) << 8 | Int(scalar & 0xFF)] = newValue
        }
    }
}
