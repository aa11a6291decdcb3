/// A block of memory that goes back to the arena when its last owner lets go.
///
/// A training step asks for the same sizes again and again. Handing the same pages out again keeps the steady state free of page
/// faults and of calls into the system.
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
        capacity = Arena.rounded(byteCount)
        base = Arena.shared.take(capacity)
        lender = nil
    }

    deinit {
        if let lender {
            lender.takeBack(UnsafeRawBufferPointer(start: base, count: capacity))
        } else {
            Arena.shared.give(base, capacity)
        }
    }
}

/// Owner of bytes that tensors read in place.
package protocol MemoryLender: Sendable {
    /// The last tensor over these bytes is gone.
    func takeBack(_ bytes: UnsafeRawBufferPointer)
}
