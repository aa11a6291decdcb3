/// Text that was rewritten, with the place in the source that each byte came from.
final class MappedText {
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    private(set) var origins: UnsafeMutablePointer<Int32>
    private(set) var count = 0
    private var capacity: Int

    init() {
        capacity = 256
        bytes = .allocate(capacity: capacity)
        origins = .allocate(capacity: capacity)
    }

    deinit {
        bytes.deallocate()
        origins.deallocate()
    }

    func removeAll() { count = 0 }

    /// Makes room for `more` bytes.
    @inline(__always)
    func reserve(_ more: Int) {
        if count &+ more > capacity { grow(more) }
    }

    private func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let newBytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        let newOrigins = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
        newBytes.update(from: bytes, count: count)
        newOrigins.update(from: origins, count: count)
        bytes.deallocate()
        origins.deallocate()
        bytes = newBytes
        origins = newOrigins
    }

    /// Appends one byte; room must have been reserved.
    @inline(__always)
    func appendReserved(_ byte: UInt8, from origin: Int32) {
        bytes[count] = byte
        origins[count] = origin
        count &+= 1
    }

    /// Appends bytes that all come from one place.
    func append(_ string: [UInt8], from origin: Int32) {
        reserve(string.count)
        for byte in string { appendReserved(byte, from: origin) }
    }

    /// Appends part of a segment as it is.
    func append(_ segment: Segment, _ range: Range<Int>) {
        reserve(range.count)
        for index in range { appendReserved(segment.text[index], from: segment.origin(index)) }
    }

    func truncate(to count: Int) { self.count = min(count, self.count) }

    var segment: Segment { Segment(text: UnsafePointer(bytes), count: count, origins: UnsafePointer(origins), base: 0) }
}

/// A stretch of text on its way through the tokenizer. Does not own its memory.
struct Segment {
    var text: UnsafePointer<UInt8>
    var count: Int
    /// Source offset of each byte; nil when byte `i` comes from `base + i`.
    var origins: UnsafePointer<Int32>?
    var base: Int32

    @inline(__always)
    func origin(_ index: Int) -> Int32 {
        if let origins { return origins[index] }
        return base &+ Int32(truncatingIfNeeded: index)
    }

    func slice(_ range: Range<Int>) -> Segment {
        Segment(
            text: text + range.lowerBound, count: range.count, origins: origins.map { $0 + range.lowerBound },
            base: base &+ Int32(truncatingIfNeeded: range.lowerBound))
    }

    var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: text, count: count) }
}
