import Cluster
import Foundation
import Synchronization
import Trainer

/// Ranks that are threads of this process: what the ranks of a job do, without a launcher.
final class ThreadRanks: @unchecked Sendable {
    let size: Int
    private let condition = NSCondition()
    private var present: [Int: Any] = [:]
    private var met: [Any] = []
    private var round = 0
    /// Sums that had begun when a backward pass still ran.
    let early = Atomic<Int>(0)

    init(_ size: Int) { self.size = size }

    /// Waits for all ranks; returns what each brought.
    fileprivate func meet<Value>(_ rank: Int, _ value: Value) -> [Value] {
        condition.lock()
        defer { condition.unlock() }
        let mine = round
        precondition(present[rank] == nil)
        present[rank] = value
        if present.count == size {
            met = (0..<size).map { present[$0]! }
            present = [:]
            round += 1
            condition.broadcast()
        }
        while round == mine { condition.wait() }
        return met.map { $0 as! Value }
    }

    /// Runs `body` on each rank, each in a thread of its own; what they return, by rank.
    func run<Outcome: Sendable>(_ body: @escaping @Sendable (any Communicator) throws -> Outcome) -> [Result<Outcome, any Error>] {
        let outcomes = Mutex<[Int: Result<Outcome, any Error>]>([:])
        let done = DispatchSemaphore(value: 0)
        for rank in 0..<size {
            let thread = Thread {
                let outcome = Result { try body(ThreadRank(self, rank)) }
                outcomes.withLock { $0[rank] = outcome }
                done.signal()
            }
            thread.stackSize = 16 << 20
            thread.start()
        }
        for _ in 0..<size { done.wait() }
        return outcomes.withLock { found in (0..<size).map { found[$0]! } }
    }
}

private final class ThreadRank: Communicator, @unchecked Sendable {
    private let ranks: ThreadRanks
    let rank: Int
    /// What is to be summed, as it was when its sum began: what changed afterwards would be lost.
    private var pending: [(target: UnsafeMutableBufferPointer<Float>, values: [Float])] = []

    private var seen = 0

    init(_ ranks: ThreadRanks, _ rank: Int) {
        self.ranks = ranks
        self.rank = rank
    }

    var size: Int { ranks.size }
    var localSize: Int { ranks.size }
    func gather(_ values: [Double]) -> [[Double]] { ranks.meet(rank, values) }

    func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {
        let first = ranks.meet(rank, Array(bytes))[0]
        bytes.copyBytes(from: first)
    }

    func startSum(_ values: UnsafeMutableBufferPointer<Float>) { pending.append((values, Array(values))) }
    func progress() {
        ranks.early.add(pending.count - seen, ordering: .relaxed)
        seen = pending.count
    }

    func finishSums() {
        let all = ranks.meet(rank, pending.map(\.values))
        for (i, (target, _)) in pending.enumerated() {
            for k in target.indices { target[k] = all.reduce(0) { $0 + $1[i][k] } }
        }
        pending = []
        seen = 0
    }

    func leave() {}
    func abort(_ status: Int32) -> Never { fatalError("rank \(rank) ends with \(status)") }
}
