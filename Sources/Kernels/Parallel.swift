import Basics
import COpenBLAS
import CShims
import Dispatch
import Foundation
import Synchronization

/// The one way work is spread over threads.
///
/// Work is cut by its shape, never by the number of threads, and every piece writes its own part of the output. So the bits of a
/// result do not depend on how many threads ran or which thread took which piece.
package enum Parallel {
    /// Threads a loop may use; set to 0, one for each processor that may be used.
    package static var threads: Int {
        get { Threads.count }
        set { Threads.count = newValue }
    }

    /// OpenBLAS must not start threads of its own under ours.
    private static let singleThreadedBLAS: Void = openblas_set_num_threads(1)

    /// Runs `body(0)` ... `body(count - 1)`, each once, in no particular order.
    ///
    /// - Parameter limit: how many may run at once, where each needs much memory.
    package static func forEach(_ count: Int, workers limit: Int = .max, _ body: @Sendable (Int) -> Void) {
        _ = singleThreadedBLAS
        let workers = min(threads, count, limit)
        if workers <= 1 {
            let mode = heal_denormals_flush()
            for i in 0..<count { body(i) }
            heal_denormals_restore(mode)
            return
        }
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            let mode = heal_denormals_flush()
            defer { heal_denormals_restore(mode) }
            while true {
                let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if i >= count { return }
                body(i)
            }
        }
    }

    /// Cuts `0..<count` into ranges of `block` (the last one shorter) and runs `body` on each.
    package static func forBlocks(of count: Int, block: Int, _ body: @Sendable (Range<Int>) -> Void) {
        guard count > 0 else { return }
        forEach((count + block - 1) / block) { b in body(b * block..<min(count, (b + 1) * block)) }
    }

    static func copy(_ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer, byteCount: Int) {
        let to = Address(to), from = Address(from)
        forBlocks(of: byteCount, block: 1 << 20) { r in
            to.raw.advanced(by: r.lowerBound).copyMemory(from: from.raw + r.lowerBound, byteCount: r.count)
        }
    }
}

/// An address that crosses into a parallel loop. The loop's pieces write disjoint parts.
package struct Address: @unchecked Sendable {
    package let raw: UnsafeMutableRawPointer
    package init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }
    package init(_ raw: UnsafeRawPointer) { self.raw = UnsafeMutableRawPointer(mutating: raw) }
}
