import Synchronization

/// Memory that encoding works in, kept between calls so that the steady state allocates nothing.
///
/// Handed from thread to thread by `ScratchPool` and used by one at a time.
final class EncodeScratch: @unchecked Sendable {
    let cache = WordCache()
    let repaired = MappedText()
    let normalized = MappedText()
    let normalizedNext = MappedText()
    let rewritten = MappedText()
    let rewrittenNext = MappedText()
    lazy var regex = SplitRegex.Workspace()
    var ranges: [Range<Int>] = []
    var rangesNext: [Range<Int>] = []

    /// The symbols of the word at hand: id and byte where it starts in the word.
    private(set) var ids: UnsafeMutablePointer<Int32>
    private(set) var starts: UnsafeMutablePointer<Int32>
    /// Outcome of merging each symbol with its right neighbour.
    private(set) var outcomes: UnsafeMutablePointer<UInt64>
    /// Neighbours of each symbol, for long words; -1 at the ends.
    private(set) var next: UnsafeMutablePointer<Int32>
    private(set) var previous: UnsafeMutablePointer<Int32>
    private var symbolCapacity: Int
    var heap = MinHeap()

    /// The tokens of this call: id and source offset.
    private(set) var outIds: UnsafeMutablePointer<Int32>
    private(set) var outOffsets: UnsafeMutablePointer<Int32>
    private(set) var outCount = 0
    private var outCapacity: Int

    init() {
        symbolCapacity = 1024
        ids = .allocate(capacity: symbolCapacity)
        starts = .allocate(capacity: symbolCapacity)
        outcomes = .allocate(capacity: symbolCapacity)
        next = .allocate(capacity: symbolCapacity)
        previous = .allocate(capacity: symbolCapacity)
        outCapacity = 1024
        outIds = .allocate(capacity: outCapacity)
        outOffsets = .allocate(capacity: outCapacity)
    }

    deinit {
        ids.deallocate()
        starts.deallocate()
        outcomes.deallocate()
        next.deallocate()
        previous.deallocate()
        outIds.deallocate()
        outOffsets.deallocate()
    }

    /// Room for `count` symbols; what they held before is lost.
    @inline(__always)
    func reserveSymbols(_ count: Int) {
        if count > symbolCapacity { growSymbols(count) }
    }

    private func growSymbols(_ count: Int) {
        ids.deallocate()
        starts.deallocate()
        outcomes.deallocate()
        next.deallocate()
        previous.deallocate()
        symbolCapacity = max(count, symbolCapacity * 2)
        ids = .allocate(capacity: symbolCapacity)
        starts = .allocate(capacity: symbolCapacity)
        outcomes = .allocate(capacity: symbolCapacity)
        next = .allocate(capacity: symbolCapacity)
        previous = .allocate(capacity: symbolCapacity)
    }

    func startOutput() { outCount = 0 }

    @inline(__always)
    func reserveOutput(_ more: Int) {
        if outCount &+ more > outCapacity { growOutput(more) }
    }

    private func growOutput(_ more: Int) {
        let capacity = max(outCapacity * 2, outCount + more)
        let newIds = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
        let newOffsets = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
        newIds.update(from: outIds, count: outCount)
        newOffsets.update(from: outOffsets, count: outCount)
        outIds.deallocate()
        outOffsets.deallocate()
        outIds = newIds
        outOffsets = newOffsets
        outCapacity = capacity
    }

    /// Appends a token; room must have been reserved.
    @inline(__always)
    func emitReserved(_ id: Int32, at offset: Int32) {
        outIds[outCount] = id
        outOffsets[outCount] = offset
        outCount &+= 1
    }

    func emit(_ id: Int32, at offset: Int32) {
        reserveOutput(1)
        emitReserved(id, at: offset)
    }
}

/// Hands out scratch memory: one lock when an encode call starts and one when it ends.
final class ScratchPool: Sendable {
    private let free = Mutex<[EncodeScratch]>([])

    func take() -> EncodeScratch {
        free.withLock { $0.popLast() } ?? EncodeScratch()
    }

    func give(_ scratch: EncodeScratch) {
        free.withLock { $0.append(scratch) }
    }
}

/// A binary heap of integers, smallest first.
struct MinHeap {
    private var items: [UInt64] = []

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func push(_ item: UInt64) {
        var index = items.count
        items.append(item)
        items.withUnsafeMutableBufferPointer { items in
            while index > 0 {
                let parent = (index &- 1) / 2
                if items[parent] <= item { break }
                items[index] = items[parent]
                index = parent
            }
            items[index] = item
        }
    }

    mutating func pop() -> UInt64? {
        guard let first = items.first else { return nil }
        let last = items.removeLast()
        if items.isEmpty { return first }
        items.withUnsafeMutableBufferPointer { items in
            var index = 0
            while true {
                var child = 2 &* index &+ 1
                if child >= items.count { break }
                if child &+ 1 < items.count, items[child &+ 1] < items[child] { child &+= 1 }
                if items[child] >= last { break }
                items[index] = items[child]
                index = child
            }
            items[index] = last
        }
        return first
    }
}
