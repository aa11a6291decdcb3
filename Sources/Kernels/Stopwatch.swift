import Synchronization

/// Where a step's time goes, by name. Off unless a benchmark turns it on; then each name has the seconds spent in it and in nothing named inside it.
///
/// Ops follow one another on one thread and spread their own work, so wall-clock time on that thread is what is shared out.
package enum Stopwatch {
    private struct State {
        var stack: [(name: String, since: ContinuousClock.Instant)] = []
        var seconds: [String: Double] = [:]
        mutating func charge(_ now: ContinuousClock.Instant) {
            guard let top = stack.last else { return }
            seconds[top.name, default: 0] += (now - top.since) / .seconds(1)
            stack[stack.count - 1].since = now
        }
    }
    private static let running = Atomic<Bool>(false)
    private static let state = Mutex(State())

    package static func start() {
        state.withLock { $0 = State() }
        running.store(true, ordering: .relaxed)
    }

    /// Seconds by name since `start`.
    package static func stop() -> [String: Double] {
        running.store(false, ordering: .relaxed)
        return state.withLock { $0.seconds }
    }

    package static func time<Result, Failure: Error>(_ name: @autoclosure () -> String, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        guard running.load(ordering: .relaxed) else { return try body() }
        let label = name()
        state.withLock {
            let now = ContinuousClock.now
            $0.charge(now)
            $0.stack.append((label, now))
        }
        defer {
            state.withLock {
                let now = ContinuousClock.now
                $0.charge(now)
                $0.stack.removeLast()
                if !$0.stack.isEmpty { $0.stack[$0.stack.count - 1].since = now }
            }
        }
        return try body()
    }
}
