import Basics
import Foundation

/// The energy that the processors take, as Linux's power-capping interface counts it (RAPL, `/sys/class/powercap`): all of the machine's, not this process's alone.
/// On many systems only root may read it.
package struct EnergyMeter: Sendable {
    private struct Counter: Sendable {
        let path: String
        /// After so many microjoules it starts again at 0.
        let range: UInt64
    }

    /// What the counters stood at, in microjoules.
    package struct Reading: Sendable, Equatable {
        fileprivate let values: [UInt64]
    }

    /// One for each processor package.
    private let counters: [Counter]

    package init(root: String = "/sys/class/powercap") {
        let zones = (try? FileSystem.names(in: root)) ?? []
        counters = zones.compactMap { zone in
            let path = root + "/" + zone
            guard Self.text(path + "/name")?.hasPrefix("package") == true, let range = Self.number(path + "/max_energy_range_uj"), range > 0 else { return nil }
            return Counter(path: path + "/energy_uj", range: range)
        }
    }

    /// nil where there is nothing that may be read.
    package func reading() -> Reading? {
        let values = counters.compactMap { Self.number($0.path) }
        return values.isEmpty || values.count < counters.count ? nil : Reading(values: values)
    }

    /// Joules since a reading. Right where no counter went all the way round in between, which takes minutes at least.
    package func joules(since start: Reading?) -> Double? {
        guard let start, let end = reading() else { return nil }
        return zip(counters, zip(start.values, end.values)).reduce(0) { sum, next in
            let (counter, (from, to)) = next
            let difference = to >= from ? to - from : to + (counter.range > from ? counter.range - from : 0)
            return sum + Double(difference) / 1e6
        }
    }

    private static func text(_ path: String) -> String? { FileSystem.kernelText(path) }
    private static func number(_ path: String) -> UInt64? { text(path).flatMap { UInt64($0.trimmingCharacters(in: .whitespacesAndNewlines)) } }
}
