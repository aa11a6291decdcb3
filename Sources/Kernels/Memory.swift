import Foundation
import Synchronization

/// A block of memory that goes back to a free list when its last owner lets go.
///
/// A training step asks for the same sizes again and again. Handing the same pages out again keeps the steady state free of page
/// faults and of calls into the allocator.
package final class Memory: @unchecked Sendable {
    // Sendable: the address never changes; who may write when is the tensors' contract.
    package let base: UnsafeMutableRawPointer
    package let capacity: Int
    /// What keeps the bytes alive where they are somebody else's, and is told when they are no longer used here; else nil.
    private let lender: (any MemoryLender)?

    /// Bytes that belong to `lender`, such as a mapped file's: only to be read.
    package init(lentBy lender: any MemoryLender, _ bytes: UnsafeRawBufferPointer) {
        base = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
        capacity = bytes.count
        self.lender = lender
    }

    package var isLent: Bool { lender != nil }

    /// At least `byteCount` bytes, aligned to 64, contents undefined.
    package init(byteCount: Int) {
        capacity = FreeList.rounded(byteCount)
        base = FreeList.shared.take(capacity)
        lender = nil
    }

    deinit {
        if let lender {
            lender.takeBack(UnsafeRawBufferPointer(start: base, count: capacity))
        } else {
            FreeList.shared.give(base, capacity)
        }
    }
}

/// Owner of bytes that tensors read in place.
package protocol MemoryLender: Sendable {
    /// The last tensor over these bytes is gone.
    func takeBack(_ bytes: UnsafeRawBufferPointer)
}

/// Free blocks by size.
package final class FreeList: Sendable {
    package static let shared = FreeList()

    private struct State {
        var blocks: [Int: [UInt]] = [:]
        var held = 0
        var allocated = 0
        var peak = 0
    }
    private let state = Mutex(State())

    /// Sizes come in steps of an eighth of a power of two, so that batches of slightly different length share blocks.
    static func rounded(_ byteCount: Int) -> Int {
        let least = max(byteCount, 256)
        let step = max(256, (1 << (Int.bitWidth - 1 - least.leadingZeroBitCount)) / 8)
        return (least + step - 1) / step * step
    }

    func take(_ size: Int) -> UnsafeMutableRawPointer {
        let reused: UInt? = state.withLock { state in
            state.allocated += size
            state.peak = max(state.peak, state.allocated)
            guard let address = state.blocks[size]?.popLast() else { return nil }
            state.held -= size
            return address
        }
        if let reused { return UnsafeMutableRawPointer(bitPattern: reused)! }
        return Self.allocate(size) ?? retry(size)
    }

    /// From here on a block is mapped by itself, so that giving it back leaves no hole in the heap.
    private static let mapped = 1 << 20

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        if size >= mapped {
            let pointer = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            guard let pointer, pointer != MAP_FAILED else { return nil }
            #if os(Linux)
            _ = madvise(pointer, size, 14)  // MADV_HUGEPAGE: fewer faults and TLB misses; a hint, so failure is fine
            #endif
            return pointer
        }
        var pointer: UnsafeMutableRawPointer?
        return posix_memalign(&pointer, 64, size) == 0 ? pointer : nil
    }

    private static func release(_ pointer: UnsafeMutableRawPointer, _ size: Int) {
        if size >= mapped { munmap(pointer, size) } else { free(pointer) }
    }

    private func retry(_ size: Int) -> UnsafeMutableRawPointer {
        trim()
        guard let pointer = Self.allocate(size) else {
            fatalError("out of memory: \(size) bytes asked, \(liveBytes) in use; a smaller batch or gradient_checkpointing needs less")
        }
        return pointer
    }

    func give(_ pointer: UnsafeMutableRawPointer, _ size: Int) {
        state.withLock { state in
            state.allocated -= size
            state.held += size
            state.blocks[size, default: []].append(UInt(bitPattern: pointer))
        }
    }

    /// Returns every free block to the system.
    package func trim() {
        let blocks = state.withLock { state in
            let all = state.blocks
            state.blocks = [:]
            state.held = 0
            return all
        }
        for (size, addresses) in blocks {
            for address in addresses { Self.release(UnsafeMutableRawPointer(bitPattern: address)!, size) }
        }
    }

    /// Bytes in blocks that somebody owns now.
    package var liveBytes: Int { state.withLock { $0.allocated } }
    /// Bytes waiting in free lists.
    package var heldBytes: Int { state.withLock { $0.held } }
}
