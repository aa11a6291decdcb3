/// A byte-pair tokenizer: the way from text to ids that all supported file formats describe.
///
/// text → raw added tokens cut out → normalised → normalised added tokens cut out → rewritten (marks, prefix space) → words →
/// model. Immutable after its making, so threads may share it.
package final class BPETokenizer: Tokenizer {
    package var special: SpecialTokens { parts.special }
    package var addsBos: Bool { parts.addsBos }
    package var addsEos: Bool { parts.addsEos }
    package var vocabularySize: Int { parts.spelled.count }

    private let parts: Parts
    private let rawAdded: AddedTokenMatcher
    private let normalizedAdded: AddedTokenMatcher
    private let spelledIndex: ByteStringIndex
    private let pool = ScratchPool()

    /// The parts of a tokenizer.
    struct Parts: Sendable {
        var special: SpecialTokens
        var addsBos = false
        var addsEos = false
        /// Tokens cut out of the text as written.
        var rawAdded: [AddedToken] = []
        var normalizer = Normalizer()
        /// Tokens cut out of the normalised text; their content is normalised already.
        var normalizedAdded: [AddedToken] = []
        /// What the pre-tokenizer changes in the text.
        var rewriter = Normalizer()
        var preTokenizer: PreTokenizer
        var model: BPEModel
        var decoder: TokenDecoder
        /// Each id's entry as the file spells it; empty where there is none.
        var spelled: ByteStrings
    }

    init(_ parts: Parts) {
        self.parts = parts
        rawAdded = AddedTokenMatcher(parts.rawAdded)
        normalizedAdded = AddedTokenMatcher(parts.normalizedAdded)
        spelledIndex = ByteStringIndex(parts.spelled)
    }

    /// The same tokenizer with ids for roles that it does not know of itself; ids outside the vocabulary are left out.
    func with(fallback: SpecialTokens) -> BPETokenizer {
        func known(_ id: Int32?) -> Int32? { id.flatMap { token($0) == nil ? nil : $0 } }
        var parts = parts
        parts.special = SpecialTokens(
            bos: special.bos ?? known(fallback.bos), eos: special.eos ?? known(fallback.eos),
            pad: special.pad ?? known(fallback.pad), unk: special.unk ?? known(fallback.unk))
        return parts.special == special ? self : BPETokenizer(parts)
    }

    package func encode(_ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, into ids: inout [Int32], offsets: inout [Int32]) {
        guard let base = text.baseAddress, !text.isEmpty else { return }
        precondition(text.count <= Int(Int32.max), "a text of \(text.count) bytes: offsets are 32 bits, encode it in parts")
        let scratch = pool.take()
        defer { pool.give(scratch) }
        scratch.startOutput()
        var segment = Segment(text: base, count: text.count, origins: nil, base: 0)
        if let invalid = UTF8Text.firstInvalid(text) { segment = Self.repair(text, firstInvalid: invalid, scratch.repaired) }
        if rawAdded.isEmpty {
            encodePlain(segment, parseSpecial, scratch)
        } else {
            rawAdded.forEachPart(segment, parseSpecial: parseSpecial) { part in
                switch part {
                case .text(let range): encodePlain(segment.slice(range), parseSpecial, scratch)
                case .token(let id, let start): scratch.emit(id, at: segment.origin(start))
                }
            }
        }
        ids.append(contentsOf: UnsafeBufferPointer(start: scratch.outIds, count: scratch.outCount))
        offsets.append(contentsOf: UnsafeBufferPointer(start: scratch.outOffsets, count: scratch.outCount))
    }

    /// Encodes text without raw added tokens.
    private func encodePlain(_ segment: Segment, _ parseSpecial: Bool, _ scratch: EncodeScratch) {
        let normalized = parts.normalizer.apply(segment, scratch.normalized, scratch.normalizedNext)
        if normalizedAdded.isEmpty { return encodeWords(normalized, scratch) }
        normalizedAdded.forEachPart(normalized, parseSpecial: parseSpecial) { part in
            switch part {
            case .text(let range): encodeWords(normalized.slice(range), scratch)
            case .token(let id, let start): scratch.emit(id, at: normalized.origin(start))
            }
        }
    }

    private func encodeWords(_ segment: Segment, _ scratch: EncodeScratch) {
        let segment = parts.rewriter.apply(segment, scratch.rewritten, scratch.rewrittenNext)
        let model = parts.model
        parts.preTokenizer.forEachWord(segment, scratch) { start, end in model.encode(segment, start, end, scratch) }
    }

    /// A copy of `text` in which each stretch that is not UTF-8 is U+FFFD, one for each byte.
    private static func repair(_ text: UnsafeBufferPointer<UInt8>, firstInvalid: Int, _ out: MappedText) -> Segment {
        out.removeAll()
        out.reserve(text.count &* 3)
        for index in 0..<firstInvalid { out.appendReserved(text[index], from: Int32(truncatingIfNeeded: index)) }
        var index = firstInvalid
        while index < text.count {
            let length = UTF8Text.validLength(text, at: index)
            let origin = Int32(truncatingIfNeeded: index)
            if length == 0 {
                out.append([0xEF, 0xBF, 0xBD], from: origin)
                index &+= 1
            } else {
                out.reserve(length)
                for offset in 0..<length {
                    out.appendReserved(text[index &+ offset], from: origin &+ Int32(truncatingIfNeeded: offset))
                }
                index &+= length
            }
        }
        return out.segment
    }

    package func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool) -> [UInt8] {
        parts.decoder.decode(ids, skipSpecial: skipSpecial)
    }

    package func id(of token: String) -> Int32? { spelledIndex(token) }

    package func token(_ id: Int32) -> String? {
        guard id >= 0, Int(id) < parts.spelled.count, !parts.spelled[Int(id)].isEmpty else { return nil }
        return String(decoding: parts.spelled[Int(id)], as: UTF8.self)
    }
}
