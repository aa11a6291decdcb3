import Foundation
import Kernels

/// What a piece of work took.
struct Timing {
    var seconds: Double
    /// Over all threads of the process. A busy machine disturbs it far less than the time on the clock.
    var cpuSeconds: Double

    init(seconds: Double, cpuSeconds: Double) {
        self.seconds = seconds
        self.cpuSeconds = cpuSeconds
    }

    init(of body: () throws -> Void) rethrows {
        let cpu = Self.processSeconds, start = ContinuousClock.now
        try body()
        seconds = (ContinuousClock.now - start) / .seconds(1)
        cpuSeconds = Self.processSeconds - cpu
    }

    private static var processSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Medians over `repetitions` runs after one that is not counted.
func measure(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Timing {
    try body()
    let times = try (0..<max(1, repetitions)).map { _ in try Timing(of: body) }
    return Timing(
        seconds: times.map(\.seconds).sorted()[times.count / 2], cpuSeconds: times.map(\.cpuSeconds).sorted()[times.count / 2])
}

/// Median seconds of `repetitions` runs after one that is not counted.
func median(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Double { try measure(repetitions, body).seconds }

/// One measured row.
struct Row: Codable {
    struct Figure: Codable {
        var name: String
        var value: Double
        var unit: String
    }

    /// The scenario; the same in every run, so that rows of two runs find each other.
    var name: String
    var seconds: Double
    var cpuSeconds: Double?
    var threads = Parallel.threads
    var figures: [Figure]

    init(name: String, seconds: Double, cpuSeconds: Double? = nil, figures: [(name: String, value: Double, unit: String)] = []) {
        self.name = name
        self.seconds = seconds
        self.cpuSeconds = cpuSeconds
        self.figures = figures.map { Figure(name: $0.name, value: $0.value, unit: $0.unit) }
    }

    init(name: String, _ timing: Timing, figures: [(name: String, value: Double, unit: String)] = []) {
        self.init(name: name, seconds: timing.seconds, cpuSeconds: timing.cpuSeconds, figures: figures)
    }

    func show(json: Bool) {
        print(json ? String(decoding: (try? Self.encoder.encode(self)) ?? Data(), as: UTF8.self) : line)
        fflush(nil)
    }

    /// The row in a table.
    var line: String {
        let rest = figures.map { "\(String(format: "%.1f", $0.value)) \($0.unit)" }.joined(separator: "  ")
        let cpu = cpuSeconds.map { String(format: "%10.3f ms cpu", $0 * 1e3) } ?? String(repeating: " ", count: 17)
        return "\(name.padding(toLength: max(58, name.count), withPad: " ", startingAt: 0)) \(String(format: "%9.3f", seconds * 1e3)) ms \(cpu)  \(rest)"
    }

    /// Keys as everywhere in files: `cpu_seconds`.
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}
