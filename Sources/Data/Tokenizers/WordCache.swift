import Foundation

/// Words seen before and their tokens: a fixed table in which a new word takes the place of the one it collides with.
///
/// Real text repeats its words, so most of them never reach the merge loop. Owned by one thread at a time.
final class WordCache {
    static let longestWord = 32
    static let mostTokens = 16

    // One entry is 128 bytes, a line of which answers the usual word (up to 7 tokens):
    // 0 key (zero padded) | 32 length | 33 token count | 36 ids 4 x 16 | 100 starts 1 x 16.
    private static let stride = 128
    private let entries: UnsafeMutableRawPointer
    private let mask: Int

    init(entryCount: Int = 1 << 14) {
        mask = entryCount - 1
        // Zeroed by the system, page by page as it is touched: a short text pays for little of it.
        guard let memory = calloc(entryCount, Self.stride) else { fatalError("out of memory for the word cache") }
        entries = memory
    }

    deinit { free(entries) }

    struct Key {
        var a: UInt64 = 0
        var b: UInt64 = 0
        var c: UInt64 = 0
        var d: UInt64 = 0
        var length: UInt8 = 0
    }

    /// The key of a word of 1 to `longestWord` bytes; `readable` bytes from `word` on may be read.
    @inline(__always)
    static func key(_ word: UnsafePointer<UInt8>, _ count: Int, readable: Int) -> Key {
        var key = Key()
        key.length = UInt8(truncatingIfNeeded: count)
        let raw = UnsafeRawPointer(word)
        if count <= 16, readable >= 16 {
            let a = raw.loadUnaligned(as: UInt64.self)
            if count <= 8 {
                key.a = a & (UInt64.max >> UInt64((8 &- count) &* 8))
            } else {
                key.a = a
                key.b = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & (UInt64.max >> UInt64((16 &- count) &* 8))
            }
            return key
        }
        withUnsafeMutableBytes(of: &key) { $0.baseAddress!.copyMemory(from: raw, byteCount: count) }
        return key
    }

    @inline(__always)
    func entry(_ key: Key) -> UnsafeMutableRawPointer {
        var hash = (key.a ^ UInt64(key.length)) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 32) ^ key.b) &* 0xC2B2_AE3D_27D4_EB4F
        if key.length > 16 { hash = (hash ^ (hash >> 32) ^ key.c ^ (key.d << 7 | key.d >> 57)) &* 0x9E37_79B9_7F4A_7C15 }
        return entries + (Int(truncatingIfNeeded: hash >> 40) & mask) &* Self.stride
    }

    @inline(__always)
    static func holds(_ entry: UnsafeMutableRawPointer, _ key: Key) -> Bool {
        let words = entry.assumingMemoryBound(to: UInt64.self)
        return words[0] == key.a && words[1] == key.b && words[2] == key.c && words[3] == key.d
            && entry.load(fromByteOffset: 32, as: UInt8.self) == key.length
    }

    @inline(__always)
    static func tokenCount(_ entry: UnsafeMutableRawPointer) -> Int { Int(entry.load(fromByteOffset: 33, as: UInt8.self)) }

    @inline(__always)
    static func ids(_ entry: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int32> {
        (entry + 36).assumingMemoryBound(to: Int32.self)
    }

    @inline(__always)
    static func starts(_ entry: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt8> {
        (entry + 100).assumingMemoryBound(to: UInt8.self)
    }

    /// Remembers the tokens of a word; words with too many are forgotten.
    func store(_ entry: UnsafeMutableRawPointer, _ key: Key, _ ids: UnsafePointer<Int32>, _ starts: UnsafePointer<Int32>, _ count: Int) {
        guard count <= Self.mostTokens else { return }
        let words = entry.assumingMemoryBound(to: UInt64.self)
        words[0] = key.a
        words[1] = key.b
        words[2] = key.c
        words[3] = key.d
        entry.storeBytes(of: key.length, toByteOffset: 32, as: UInt8.self)
        entry.storeBytes(of: UInt8(count), toByteOffset: 33, as: UInt8.self)
        for index in 0..<count {
            Self.ids(entry)[index] = ids[index]
            Self.starts(entry)[index] = UInt8(truncatingIfNeeded: starts[index])
        }
    }
}
