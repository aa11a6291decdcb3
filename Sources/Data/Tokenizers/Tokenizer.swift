/// Ids of the tokens with a fixed role; nil where the tokenizer has none.
package struct SpecialTokens: Sendable, Equatable {
    package var bos: Int32?
    package var eos: Int32?
    package var pad: Int32?
    package var unk: Int32?

    package init(bos: Int32? = nil, eos: Int32? = nil, pad: Int32? = nil, unk: Int32? = nil) {
        self.bos = bos
        self.eos = eos
        self.pad = pad
        self.unk = unk
    }
}

/// Text to token ids and back, id for id what the reference library of the tokenizer's file format gives.
package protocol Tokenizer: Sendable {
    /// One more than the largest id.
    var vocabularySize: Int { get }

    /// Ids of the tokens with a fixed role.
    var special: SpecialTokens { get }

    /// Whether the reference, asked to add special tokens, puts bos before a plain text.
    var addsBos: Bool { get }

    /// Whether the reference, asked to add special tokens, puts eos after a plain text.
    var addsEos: Bool { get }

    /// Appends the ids of UTF-8 `text` to `ids`, and for each id the byte offset in `text` where its token starts to `offsets`.
    ///
    /// Special tokens written in the text become their ids when `parseSpecial`, and are ordinary text when not. Added tokens that are
    /// not special are found either way, as in the reference. Adds neither bos nor eos. Bytes that are not UTF-8 count as U+FFFD
    /// each. The text must be shorter than 2 GiB.
    func encode(_ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, into ids: inout [Int32], offsets: inout [Int32])

    /// The bytes that `ids` stand for, as the reference decodes them; ids outside the vocabulary stand for nothing.
    ///
    /// Half a character comes out as its bytes, where the reference puts U+FFFD, so that a text decoded in parts stays whole.
    /// `skipSpecial` leaves out special tokens; sentencepiece's unknown piece then becomes its surface (" ⁇ ").
    func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool) -> [UInt8]

    /// The id of an added or special token, or of a vocabulary entry as the file spells it.
    func id(of token: String) -> Int32?

    /// The vocabulary entry as the file spells it.
    func token(_ id: Int32) -> String?
}

extension Tokenizer {
    /// Ids of `text`, with nothing added around.
    package func encode(_ text: String, parseSpecial: Bool = true) -> [Int32] {
        encodeWithOffsets(text, parseSpecial: parseSpecial).ids
    }

    /// Ids of `text`, and for each the byte offset in the text's UTF-8 where its token starts.
    package func encodeWithOffsets(_ text: String, parseSpecial: Bool = true) -> (ids: [Int32], offsets: [Int32]) {
        var text = text
        return text.withUTF8 { bytes in
            var ids: [Int32] = []
            var offsets: [Int32] = []
            encode(bytes, parseSpecial: parseSpecial, into: &ids, offsets: &offsets)
            return (ids, offsets)
        }
    }

    /// The text that `ids` stand for; bytes that are not UTF-8 become U+FFFD.
    package func decodeString(_ ids: some Sequence<Int32>, skipSpecial: Bool = true) -> String {
        String(decoding: decode(ids, skipSpecial: skipSpecial), as: UTF8.self)
    }
}
