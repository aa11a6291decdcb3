/// GPT-2's spelling of bytes as printable characters: visible Latin-1 characters stand for themselves, the other 68 bytes for
/// the characters from U+0100 on.
enum ByteAlphabet {
    /// The character of each byte.
    static let characters: [UInt32] = {
        var characters: [UInt32] = []
        var next: UInt32 = 0x100
        for byte in UInt32(0)..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
                characters.append(byte)
            default:
                characters.append(next)
                next += 1
            }
        }
        return characters
    }()

    private static let bytes: [UInt32: UInt8] = Dictionary(
        uniqueKeysWithValues: characters.enumerated().map { ($0.element, UInt8($0.offset)) })

    /// The bytes that a token's spelling stands for; nil when a character of it stands for none.
    static func decode(_ spelling: ArraySlice<UInt8>) -> [UInt8]? {
        spelling.withUnsafeBufferPointer { text in
            guard let base = text.baseAddress else { return [] }
            var out: [UInt8] = []
            out.reserveCapacity(text.count)
            var index = 0
            while index < text.count {
                guard UTF8Text.validLength(text, at: index) > 0 else { return nil }
                let scalar = UTF8Text.scalar(base, at: index)
                // The visible ASCII characters are by far the most frequent ones.
                if scalar.value >= 0x21, scalar.value <= 0x7E {
                    out.append(UInt8(scalar.value))
                } else if let byte = bytes[scalar.value] {
                    out.append(byte)
                } else {
                    return nil
                }
                index += scalar.length
            }
            return out
        }
    }

    /// The spelling of bytes.
    static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        for byte in bytes { UTF8Text.append(characters[Int(byte)], to: &out) }
        return out
    }
}
