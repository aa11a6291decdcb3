/// A block of memory that goes back to the arena when its last owner lets go.
///
/// A training step asks for the same sizes again and again. Handing the same pages out again keeps the steady state free of page
/// faults and of calls into the system.
package final class Memory: @unchecked Sendable {
    // Sendable: the address never changes; who may write when is the tensors' contract.
    package let base: UnsafeMutableRawPointer
    package let capacity: Int

    /// At least `byteCount` bytes, aligned to 64, contents undefined.
    package init(byteCount: Int) {
        capacity = Arena.rounded(byteCount)
        base = Arena.shared.take(capacity)
    }

    deinit { Arena.shared.give(base, capacity) }
}
