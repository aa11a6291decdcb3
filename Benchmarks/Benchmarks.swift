import ArgumentParser
import Foundation
import Kernels

/// Measures the parts that decide how fast healing is, and the whole step.
@main
struct Benchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure products, MPO layers, the healing step, the tokenizer and the reading of data.",
        subcommands: [
            StandardBenchmark.self, RooflineBenchmark.self, MPOBenchmark.self, StepBenchmark.self, ScalingBenchmark.self, PackedBenchmark.self,
            GenerationBenchmark.self, FitBenchmark.self, TokenizerBenchmark.self, LoadingBenchmark.self,
        ],
        defaultSubcommand: StandardBenchmark.self)
}

struct CommonOptions: ParsableArguments {
    @Option(help: "Worker threads; 0 takes one for each processor that may be used.") var threads = 0
    @Option(help: "Counted repetitions; the median is reported.") var repetitions = 5
    @Flag(help: "One JSON object a line instead of text.") var json = false
    @Flag(help: "After an uncounted repetition print an empty line, then measure once for every line on standard input: for alternating with another program.")
    var onRequest = false

    func apply() { Parallel.threads = threads }

    /// Measures `body` and shows the row that its time makes: the median over the repetitions, or a row for every request.
    func show(measuring body: () throws -> Void, as row: (Timing) -> Row) rethrows {
        guard onRequest else { return row(try measure(repetitions, body)).show(json: json) }
        try body()
        print()
        fflush(nil)
        while readLine() != nil { row(try Timing(of: body)).show(json: json) }
    }
}
