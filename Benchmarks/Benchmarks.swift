import ArgumentParser
import Foundation
import Kernels

/// Measures the parts that decide how fast healing is, and the whole step.
@main
struct Benchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure products, MPO layers, the healing step and the tokenizer.",
        subcommands: [RooflineBenchmark.self, MPOBenchmark.self, StepBenchmark.self, TokenizerBenchmark.self])
}

struct CommonOptions: ParsableArguments {
    @Option(help: "Worker threads; 0 takes all cores.") var threads = 0
    @Option(help: "Counted repetitions; the median is reported.") var repetitions = 5
    @Flag(help: "One JSON object a line instead of text.") var json = false

    func apply() { Parallel.threads = threads }
}

/// One measured row.
struct Row {
    var name: String
    var seconds: Double
    var figures: [(name: String, value: Double, unit: String)] = []

    func show(json: Bool) {
        if json {
            var object: [String: Any] = ["name": name, "seconds": seconds]
            for f in figures { object[f.name] = f.value }
            object["threads"] = Parallel.threads
            let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            print(String(decoding: data ?? Data(), as: UTF8.self))
        } else {
            let rest = figures.map { "\(String(format: "%.1f", $0.value)) \($0.unit)" }.joined(separator: "  ")
            print("\(name.padding(toLength: 58, withPad: " ", startingAt: 0)) \(String(format: "%9.3f", seconds * 1e3)) ms  \(rest)")
        }
        fflush(nil)
    }
}

/// Median seconds of `repetitions` runs after one that is not counted.
func median(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Double {
    try body()
    let times = try (0..<max(1, repetitions)).map { _ in
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }
    return times.sorted()[times.count / 2]
}
