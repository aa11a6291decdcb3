import CShims
import Foundation
import Synchronization

/// The processors that this process may use: those it may run on, and the processor time that its control groups leave it.
package struct Processors: Sendable, Equatable {
    /// Processors that the scheduler may put the process on (`sched_getaffinity`).
    package var allowed: Int
    /// The smallest quota of the process's control groups, in processors; nil where there is none.
    package var quota: Double?

    /// At least 1; a part of a processor counts as a whole one.
    package var usable: Int { max(1, min(allowed, quota.map { Int(min($0.rounded(.up), 1e6)) } ?? allowed)) }

    package init(allowed: Int, quota: Double?) {
        self.allowed = allowed
        self.quota = quota
    }

    /// Asked once: the system answers by reading files.
    package static let own = Processors(allowed: affinity(), quota: ControlGroups().processors)

    private static func affinity() -> Int {
        let count = Int(heal_allowed_processors())
        return count > 0 ? count : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }
}

/// How many threads work is spread over, in all modules.
package enum Threads {
    /// 0 where nobody has set it.
    private static let limit = Atomic<Int>(0)

    /// Threads that work may be spread over; set to 0 it is one for each processor that may be used.
    package static var count: Int {
        get {
            let count = limit.load(ordering: .relaxed)
            return count > 0 ? count : Processors.own.usable
        }
        set { limit.store(newValue, ordering: .relaxed) }
    }

    /// `most`, where so many may be used.
    package static func upTo(_ most: Int) -> Int { min(most, count) }
}
