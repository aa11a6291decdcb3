import Foundation
import Synchronization

/// All memory of tensors: one large stretch of addresses, cut into blocks as they are asked for and joined again as they come back.
///
/// What a block is for changes within a step (an activation's pages become a gradient's), so free neighbours are joined and the smallest block
/// that fits is taken: the pages in use stay near the sum of what is alive at the worst moment. Pages are huge where the system allows it.
package final class Arena: Sendable {
    package static let shared = Arena()

    /// Blocks start at multiples of this, and their sizes are multiples of it.
    private static let grain = 256
    private static let hugePage = 2 << 20

    private struct FreeBlock: Comparable {
        var size: Int
        var start: UInt
        static func < (a: Self, b: Self) -> Bool { (a.size, a.start) < (b.size, b.start) }
    }
    private struct State {
        /// Free blocks by size, then address.
        var free: [FreeBlock] = []
        var sizeAtStart: [UInt: Int] = [:]
        var startAtEnd: [UInt: UInt] = [:]
        var live = 0
        var peak = 0

        mutating func insert(_ block: FreeBlock) {
            free.insert(block, at: place(of: block))
            sizeAtStart[block.start] = block.size
            startAtEnd[block.start + UInt(block.size)] = block.start
        }

        mutating func remove(at index: Int) -> FreeBlock {
            let block = free.remove(at: index)
            sizeAtStart[block.start] = nil
            startAtEnd[block.start + UInt(block.size)] = nil
            return block
        }

        /// First place whose block is not below `block`.
        func place(of block: FreeBlock) -> Int {
            var low = 0, high = free.count
            while low < high {
                let middle = (low + high) / 2
                if free[middle] < block { low = middle + 1 } else { high = middle }
            }
            return low
        }

        mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
            let index = place(of: FreeBlock(size: size, start: 0))
            guard index < free.count else { return nil }
            let block = remove(at: index)
            if block.size > size { insert(FreeBlock(size: block.size - size, start: block.start + UInt(size))) }
            live += size
            peak = max(peak, live)
            return UnsafeMutableRawPointer(bitPattern: block.start)
        }

        mutating func give(_ start: UInt, _ size: Int) {
            live -= size
            join(FreeBlock(size: size, start: start))
        }

        mutating func join(_ returned: FreeBlock) {
            var block = returned
            if let before = startAtEnd[block.start], let size = sizeAtStart[before] {
                _ = remove(at: place(of: FreeBlock(size: size, start: before)))
                block = FreeBlock(size: block.size + size, start: before)
            }
            if let size = sizeAtStart[block.start + UInt(block.size)] {
                _ = remove(at: place(of: FreeBlock(size: size, start: block.start + UInt(block.size))))
                block.size += size
            }
            insert(block)
        }
    }
    private let state = Mutex(State())

    static func rounded(_ byteCount: Int) -> Int { (max(byteCount, 1) + grain - 1) / grain * grain }

    func take(_ size: Int) -> UnsafeMutableRawPointer {
        state.withLock { state in
            if let pointer = state.take(size) { return pointer }
            guard let stretch = Self.reserve(atLeast: size) else {
                fatalError("out of memory: \(size) bytes asked, \(state.live) in use; a smaller batch or gradient_checkpointing needs less")
            }
            state.join(stretch)
            return state.take(size)!
        }
    }

    func give(_ pointer: UnsafeMutableRawPointer, _ size: Int) { state.withLock { $0.give(UInt(bitPattern: pointer), size) } }

    /// Addresses without pages: as many as the machine has memory, fewer where the system refuses that.
    private static func reserve(atLeast size: Int) -> FreeBlock? {
        var wanted = max(Int(clamping: ProcessInfo.processInfo.physicalMemory), size)
        while true {
            let whole = (wanted + hugePage - 1) / hugePage * hugePage + hugePage
            let pointer = mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            if let pointer, pointer != MAP_FAILED {
                #if os(Linux)
                _ = madvise(pointer, whole, 14)  // MADV_HUGEPAGE: fewer faults and TLB misses; a hint, so failure is fine
                #endif
                let skipped = hugePage - Int(bitPattern: pointer) % hugePage
                return FreeBlock(size: whole - skipped, start: UInt(bitPattern: pointer) + UInt(skipped))
            }
            if wanted == size { return nil }
            wanted = max(size, wanted / 2)
        }
    }

    /// Returns the pages of every free block to the system.
    package func trim() {
        state.withLock { state in
            let page = UInt(getpagesize())
            for block in state.free {
                let start = (block.start + page - 1) / page * page, end = (block.start + UInt(block.size)) / page * page
                if end > start { madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED) }
            }
        }
    }

    /// Bytes in blocks that somebody owns now.
    package var liveBytes: Int { state.withLock { $0.live } }
    /// The most that was alive at once.
    package var peakBytes: Int { state.withLock { $0.peak } }
}
