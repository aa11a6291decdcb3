/// The entries of a vocabulary by id, and the merges between them: what the file formats have in common.
struct BPEVocabulary {
    /// Entries as the file spells them; empty where an id has none.
    let spelled: ByteStrings
    private let index: ByteStringIndex

    init(_ spelled: ByteStrings) {
        self.spelled = spelled
        index = ByteStringIndex(spelled)
    }

    /// Entries given in any order; of two with one id the later counts.
    init(entries: [(id: Int32, text: ArraySlice<UInt8>)]) {
        var byId = [ArraySlice<UInt8>](repeating: [], count: Int(entries.lazy.map(\.id).max() ?? -1) + 1)
        for entry in entries { byId[Int(entry.id)] = entry.text }
        var spelled = ByteStrings()
        for text in byId { spelled.append(text) }
        self.init(spelled)
    }

    func id(_ text: [UInt8]) -> Int32? { index(text) }

    /// The vocabulary with added tokens, none of which may take the place of another entry.
    func adding(_ added: [AddedToken], file: String) throws(TokenizerError) -> BPEVocabulary {
        var entries: [(id: Int32, text: ArraySlice<UInt8>)] = []
        for id in 0..<spelled.count where !spelled[id].isEmpty { entries.append((Int32(id), spelled[id])) }
        var taken: [Int32: [UInt8]] = [:]
        for token in added {
            let before = taken[token.id] ?? (Int(token.id) < spelled.count ? Array(spelled[Int(token.id)]) : [])
            guard before.isEmpty || before == token.content, (id(token.content) ?? token.id) == token.id else {
                let name = String(decoding: token.content, as: UTF8.self)
                throw TokenizerError(
                    .malformed, file: file,
                    "'\(name)' is added with the id \(token.id), but has another id in the vocabulary, or the id is another token's")
            }
            taken[token.id] = token.content
            entries.append((token.id, token.content[...]))
        }
        return BPEVocabulary(entries: entries)
    }

    /// A merge given by spellings; nil when one of them or their concatenation is no entry.
    func merge(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, rank: Int) -> MergeTable.Merge? {
        let text = Array(left) + Array(right)
        return text.withUnsafeBufferPointer { all in
            guard let leftId = index(UnsafeBufferPointer(rebasing: all[..<left.count])),
                let rightId = index(UnsafeBufferPointer(rebasing: all[left.count...])), let result = index(all)
            else { return nil }
            return MergeTable.Merge(left: leftId, right: rightId, rank: UInt32(rank), result: result)
        }
    }

    /// One symbol a byte, by GPT-2's spelling of bytes.
    var byteAlphabet: [Int32] {
        ByteAlphabet.characters.map { character in
            var text: [UInt8] = []
            UTF8Text.append(character, to: &text)
            return index(text) ?? -1
        }
    }

    /// One symbol for each entry that is a single character.
    var characterAlphabet: CharacterMap {
        var map = CharacterMap()
        for id in 0..<spelled.count {
            let text = spelled[id]
            guard let first = text.first, text.count == UTF8Text.length(lead: first) else { continue }
            text.withUnsafeBufferPointer {
                if UTF8Text.validLength($0, at: 0) == text.count { map[UTF8Text.scalar($0.baseAddress!, at: 0).value] = Int32(id) }
            }
        }
        return map
    }

    /// The ids of `<0x00>`...`<0xFF>`; -1 where there is none, nil when there is none at all.
    var byteFallback: [Int32]? {
        let digits = Array("0123456789ABCDEF".utf8)
        let ids = (0..<256).map { index([0x3C, 0x30, 0x78, digits[$0 >> 4], digits[$0 & 15], 0x3E]) ?? -1 }
        return ids.allSatisfy { $0 < 0 } ? nil : ids
    }

    /// Finds words that are an entry as they stand, in the bytes that entries stand for.
    func wholeWords(byteLevel: Bool) -> ByteStringIndex {
        guard byteLevel else { return index }
        var decoded = ByteStrings()
        for id in 0..<spelled.count { decoded.append(ByteAlphabet.decode(spelled[id]) ?? []) }
        return ByteStringIndex(decoded)
    }

    /// Whether words may be encoded apart from each other when cut before each mark that follows something else: no merge
    /// makes an entry in which such a place is inside.
    func mayCutBeforeMarks(_ merges: [MergeTable.Merge], _ alphabet: CharacterMap) -> Bool {
        guard alphabet[0x2581] >= 0 else { return false }
        let mark = PreTokenizer.mark
        return merges.allSatisfy { merge in
            let text = spelled[Int(merge.result)]
            var sawOther = false
            var rest = text
            while !rest.isEmpty {
                if rest.starts(with: mark) {
                    if sawOther { return false }
                    rest = rest.dropFirst(mark.count)
                } else {
                    sawOther = true
                    rest = rest.dropFirst()
                }
            }
            return true
        }
    }
}
