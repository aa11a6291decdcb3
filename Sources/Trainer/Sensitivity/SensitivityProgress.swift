import Synchronization

/// How far a profile has come.
package struct SensitivityProgress: Sendable {
    package enum Phase: Sendable {
        /// The dense model on the held-back rows.
        case dense
        /// How the loss depends on what each matrix gives; counted in batches.
        case gradients
        /// Cores are found; counted in fits.
        case fits
        /// Counted in measurements.
        case measurements
    }
    package let phase: Phase
    package let done: Int
    package let total: Int
    /// The group or matrix at hand; empty where there is none.
    package let name: String
    package let secondsLeft: Double?
}

/// Tells of progress, from any thread one at a time, and estimates what is left: the way of the calibration rows by blocks, fits by parameters, measurements by
/// the blocks they pass.
final class SensitivityClock: @unchecked Sendable {
    // Sendable: everything is touched under the lock only, `watch` included, while its owner waits for the workers.
    private let lock = Mutex(())
    private let watch: (SensitivityProgress) -> Void
    private var walk: Work, fits: Work, measurements: Work

    private struct Work {
        var (done, total, count): (Double, Double, Int)
        var finished = 0, seconds = 0.0, began: ContinuousClock.Instant?

        init(total: Double, count: Int) { (done, self.total, self.count) = (0, total, count) }

        mutating func begin() { began = .now }
        mutating func add(_ work: Double) {
            (done, finished) = (done + work, finished + 1)
            if let began { seconds += (ContinuousClock.now - began) / .seconds(1) }
            began = .now
        }
        /// nil where nothing tells yet.
        var left: Double? { total - done <= 0 ? 0 : done > 0 ? seconds / done * (total - done) : nil }
    }

    /// - Parameters:
    ///   - blocks: that the calibration rows pass.
    ///   - parameters: dense parameters of each fit.
    ///   - passes: what each measurement takes, in any unit.
    init(blocks: Int, parameters: [Int], passes: [Double], _ watch: @escaping (SensitivityProgress) -> Void) {
        self.watch = watch
        walk = Work(total: Double(blocks), count: blocks)
        fits = Work(total: Double(parameters.reduce(0, +)), count: parameters.count)
        measurements = Work(total: passes.reduce(0, +), count: passes.count)
    }

    /// The calibration rows set out from where they are.
    func walks() { lock.withLock { _ in walk.begin() } }
    /// They have come that many blocks further, and fits begin.
    func walked(blocks: Int) {
        lock.withLock { _ in
            walk.add(Double(blocks))
            fits.begin()
        }
    }

    func fitted(_ name: String, parameters: Int) {
        lock.withLock { _ in
            fits.add(Double(parameters))
            tell(.fits, fits, name)
        }
    }

    func measures() { lock.withLock { _ in measurements.begin() } }
    func measured(_ name: String, passes: Double) {
        lock.withLock { _ in
            measurements.add(passes)
            tell(.measurements, measurements, name)
        }
    }

    private func tell(_ phase: SensitivityProgress.Phase, _ work: Work, _ name: String) {
        let left = [walk.left, fits.left, measurements.left]
        watch(.init(
            phase: phase, done: work.finished, total: work.count, name: name, secondsLeft: left.contains(nil) ? nil : left.reduce(0) { $0 + $1! }))
    }
}
