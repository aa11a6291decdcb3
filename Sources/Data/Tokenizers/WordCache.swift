import Foundation

/// Words seen before and their tokens: two fixed tables in which a new word takes the place of the one it collides with.
///
/// Real text repeats its words, so most of them never reach the merge loop. Words of up to 16 bytes and 7 tokens, nearly all, have
/// an entry of one cache line; larger ones go to a second table. Owned by one thread at a time.
final class WordCache {
    static let longestWord = 32
    static let mostTokens = 16

    // Small: 0 key | 16 length | 17 token count | 20 ids 4 x 7 | 48 starts 1 x 7.
    private static let smallStride = 64
    private static let smallWord = 16
    private static let smallTokens = 7
    // Large: 0 key | 32 length | 33 token count | 36 ids 4 x 16 | 100 starts 1 x 16.
    private static let largeStride = 128
    /// In the place of a small entry's token count: the word is in the large table for its many tokens.
    private static let elsewhere: UInt8 = 255

    private let small: UnsafeMutableRawPointer
    private let large: UnsafeMutableRawPointer
    private let smallMask = (1 << 16) - 1
    private let largeMask = (1 << 13) - 1

    init() {
        // Zeroed by the system, page by page as it is touched: a short text pays for little of it.
        guard let small = calloc(smallMask + 1, Self.smallStride), let large = calloc(largeMask + 1, Self.largeStride) else {
            fatalError("out of memory for the word cache")
        }
        self.small = small
        self.large = large
    }

    deinit {
        free(small)
        free(large)
    }

    /// A word of 1 to `longestWord` bytes, zero padded, and its length.
    struct Key {
        var a: UInt64 = 0
        var b: UInt64 = 0
        var c: UInt64 = 0
        var d: UInt64 = 0
        var length: UInt8 = 0
    }

    /// The tokens of a word: `starts` are bytes within the word.
    struct Tokens {
        let ids: UnsafePointer<Int32>
        let starts: UnsafePointer<UInt8>
        let count: Int
    }

    /// The key of a word of `count` bytes; `readable` bytes from `word` on may be read.
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
    private func smallEntry(_ key: Key) -> UnsafeMutableRawPointer {
        var hash = (key.a ^ UInt64(key.length)) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 32) ^ key.b) &* 0xC2B2_AE3D_27D4_EB4F
        return small + (Int(truncatingIfNeeded: hash >> 40) & smallMask) &* Self.smallStride
    }

    private func largeEntry(_ key: Key) -> UnsafeMutableRawPointer {
        var hash = (key.a ^ UInt64(key.length)) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 32) ^ key.b) &* 0xC2B2_AE3D_27D4_EB4F
        hash = (hash ^ (hash >> 32) ^ key.c) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 32) ^ key.d) &* 0xC2B2_AE3D_27D4_EB4F
        return large + (Int(truncatingIfNeeded: hash >> 40) & largeMask) &* Self.largeStride
    }

    /// The tokens of a word that was stored and not displaced; valid until the next `store`.
    @inline(__always)
    func find(_ key: Key) -> Tokens? {
        guard key.length <= Self.smallWord else { return findLarge(key) }
        let entry = smallEntry(key)
        guard entry.load(as: UInt64.self) == key.a, entry.load(fromByteOffset: 8, as: UInt64.self) == key.b,
            entry.load(fromByteOffset: 16, as: UInt8.self) == key.length
        else { return nil }
        let count = entry.load(fromByteOffset: 17, as: UInt8.self)
        if count == Self.elsewhere { return findLarge(key) }
        return Self.tokens(entry, ids: 20, starts: 48, count)
    }

    private func findLarge(_ key: Key) -> Tokens? {
        let entry = largeEntry(key)
        guard entry.load(as: UInt64.self) == key.a, entry.load(fromByteOffset: 8, as: UInt64.self) == key.b,
            entry.load(fromByteOffset: 16, as: UInt64.self) == key.c, entry.load(fromByteOffset: 24, as: UInt64.self) == key.d,
            entry.load(fromByteOffset: 32, as: UInt8.self) == key.length
        else { return nil }
        return Self.tokens(entry, ids: 36, starts: 100, entry.load(fromByteOffset: 33, as: UInt8.self))
    }

    @inline(__always)
    private static func tokens(_ entry: UnsafeMutableRawPointer, ids: Int, starts: Int, _ count: UInt8) -> Tokens {
        Tokens(
            ids: UnsafePointer((entry + ids).assumingMemoryBound(to: Int32.self)),
            starts: UnsafePointer((entry + starts).assumingMemoryBound(to: UInt8.self)), count: Int(count))
    }

    /// Remembers the tokens of a word; a word with too many is not remembered.
    func store(_ key: Key, _ ids: UnsafePointer<Int32>, _ starts: UnsafePointer<Int32>, _ count: Int) {
        guard count <= Self.mostTokens else { return }
        if key.length <= Self.smallWord {
            let entry = smallEntry(key)
            entry.storeBytes(of: key.a, as: UInt64.self)
            entry.storeBytes(of: key.b, toByteOffset: 8, as: UInt64.self)
            entry.storeBytes(of: key.length, toByteOffset: 16, as: UInt8.self)
            let fits = count <= Self.smallTokens
            entry.storeBytes(of: fits ? UInt8(count) : Self.elsewhere, toByteOffset: 17, as: UInt8.self)
            if fits { return Self.write(entry, ids: 20, starts: 48, ids, starts, count) }
        }
        let entry = largeEntry(key)
        entry.storeBytes(of: key.a, as: UInt64.self)
        entry.storeBytes(of: key.b, toByteOffset: 8, as: UInt64.self)
        entry.storeBytes(of: key.c, toByteOffset: 16, as: UInt64.self)
        entry.storeBytes(of: key.d, toByteOffset: 24, as: UInt64.self)
        entry.storeBytes(of: key.length, toByteOffset: 32, as: UInt8.self)
        entry.storeBytes(of: UInt8(count), toByteOffset: 33, as: UInt8.self)
        Self.write(entry, ids: 36, starts: 100, ids, starts, count)
    }

    private static func write(
        _ entry: UnsafeMutableRawPointer, ids idsAt: Int, starts startsAt: Int, _ ids: UnsafePointer<Int32>,
        _ starts: UnsafePointer<Int32>, _ count: Int
    ) {
        for index in 0..<count {
            entry.storeBytes(of: ids[index], toByteOffset: idsAt + 4 * index, as: Int32.self)
            entry.storeBytes(of: UInt8(truncatingIfNeeded: starts[index]), toByteOffset: startsAt + index, as: UInt8.self)
        }
    }
}
