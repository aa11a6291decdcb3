/// When long work is to be told of again: every so often, and not in its first moments.
package struct Cadence: Sendable {
    private let interval: Duration
    /// When it was last told of, or when it began; nil between two pieces of work.
    private var told: ContinuousClock.Instant?

    package init(every interval: Duration) { self.interval = interval }

    /// Whether it is time; if so, the next time is an interval later. The first question starts the clock.
    package mutating func isDue(_ now: ContinuousClock.Instant = .now) -> Bool {
        guard let before = told else {
            told = now
            return false
        }
        if now - before < interval { return false }
        told = now
        return true
    }

    /// The work is done; the next question starts the clock anew.
    package mutating func reset() { told = nil }
}
