import HealData

/// One token a byte, and a few special tokens: enough to see what templates, labels and packing do.
struct ByteTokenizer: Tokenizer {
    static let specials = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|eot_id|>"]

    let vocabularySize = 256 + Self.specials.count
    var special = SpecialTokens(bos: 256, eos: 257)
    var addsBos = true
    let addsEos = false

    func encode(_ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, into ids: inout [Int32], offsets: inout [Int32]) {
        var i = 0
        while i < text.count {
            offsets.append(Int32(i))
            if parseSpecial, text[i] == UInt8(ascii: "<"),
                let found = Self.specials.firstIndex(where: { text[i...].starts(with: $0.utf8) })
            {
                ids.append(256 + Int32(found))
                i += Self.specials[found].utf8.count
            } else {
                ids.append(Int32(text[i]))
                i += 1
            }
        }
    }

    func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool) -> [UInt8] {
        ids.flatMap { id -> [UInt8] in
            if id < 256 { return [UInt8(id)] }
            return skipSpecial ? [] : Array(Self.specials[Int(id) - 256].utf8)
        }
    }

    func id(of token: String) -> Int32? { Self.specials.firstIndex(of: token).map { 256 + Int32($0) } }

    func token(_ id: Int32) -> String? {
        switch id {
        case 0..<256: "<\(id)>"
        case 256..<Int32(vocabularySize): Self.specials[Int(id) - 256]
        default: nil
        }
    }
}

/// The text of the trained tokens of a sample, and of all its tokens.
func texts(_ encoded: EncodedText) -> (trained: String, all: String) {
    let tokenizer = ByteTokenizer()
    let trained = zip(encoded.tokens, encoded.trained).filter(\.1).map(\.0)
    return (tokenizer.decodeString(trained, skipSpecial: false), tokenizer.decodeString(encoded.tokens, skipSpecial: false))
}
