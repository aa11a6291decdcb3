/// Walking UTF-8 bytes without going through `String`.
enum UTF8Text {
    /// The scalar that starts at `index` and its length in bytes; the text must be valid UTF-8.
    @inline(__always)
    static func scalar(_ text: UnsafePointer<UInt8>, at index: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(text[index])
        if first < 0x80 { return (first, 1) }
        let second = UInt32(text[index + 1] & 0x3F)
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        let third = UInt32(text[index + 2] & 0x3F)
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(text[index + 3] & 0x3F), 4)
    }

    /// Length of the scalar whose first byte is `lead`, in valid UTF-8.
    @inline(__always)
    static func length(lead: UInt8) -> Int {
        lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    }

    /// The start of the scalar that ends just before `index`, in valid UTF-8.
    @inline(__always)
    static func previous(_ text: UnsafePointer<UInt8>, before index: Int) -> Int {
        var start = index &- 1
        while start > 0, text[start] & 0xC0 == 0x80 { start &-= 1 }
        return start
    }

    /// Length of the valid scalar at `index`, or 0 when the bytes there are not one.
    static func validLength(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
        let left = text.count - index
        let first = text[index]
        func tail(_ k: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF) -> Bool {
            k < left && text[index + k] >= low && text[index + k] <= high
        }
        switch first {
        case 0..<0x80: return 1
        case 0xC2...0xDF: return tail(1) ? 2 : 0
        case 0xE0: return tail(1, 0xA0) && tail(2) ? 3 : 0
        case 0xED: return tail(1, 0x80, 0x9F) && tail(2) ? 3 : 0
        case 0xE1...0xEF: return tail(1) && tail(2) ? 3 : 0
        case 0xF0: return tail(1, 0x90) && tail(2) && tail(3) ? 4 : 0
        case 0xF1...0xF3: return tail(1) && tail(2) && tail(3) ? 4 : 0
        case 0xF4: return tail(1, 0x80, 0x8F) && tail(2) && tail(3) ? 4 : 0
        default: return 0
        }
    }

    /// The index of the first byte that is not part of valid UTF-8, or nil when all of `text` is valid.
    static func firstInvalid(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let base = UnsafeRawPointer(text.baseAddress) else { return nil }
        var index = 0
        let count = text.count
        while index < count {
            if count &- index >= 8, base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
                index &+= 8
                continue
            }
            if text[index] < 0x80 {
                index &+= 1
                continue
            }
            let length = validLength(text, at: index)
            if length == 0 { return index }
            index &+= length
        }
        return nil
    }

    /// Appends the UTF-8 form of a scalar value.
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        switch scalar {
        case 0..<0x80:
            bytes.append(UInt8(scalar))
        case 0x80..<0x800:
            bytes.append(UInt8(0xC0 | scalar >> 6))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            bytes.append(UInt8(0xE0 | scalar >> 12))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        default:
            bytes.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18 & 0x07))
            bytes.append(UInt8(0x80 | scalar >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | scalar >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | scalar & 0x3F))
        }
    }
}
