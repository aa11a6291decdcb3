import ArgumentParser
import Kernels

/// The healing step with one thread and with all, in turn.
struct ScalingBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaling", abstract: "The whole healing step with one thread and with all of them, in turn, and whether the bits are the same.")
    @OptionGroup var options: CommonOptions
    @OptionGroup var shape: StepOptions

    func run() throws {
        options.apply()
        let threads = Parallel.threads
        // Each has a model of its own, so that both take the same steps.
        let one = try shape.subject(), all = try shape.subject()
        let sample = shape.randomBatch(of: one.model)
        var alone: [Timing] = [], together: [Timing] = [], agree = true
        for repetition in 0...max(1, options.repetitions) {
            var losses = [0.0, 0.0]
            Parallel.threads = 1
            let slow = try Timing { losses[0] = try one.step(sample) }
            Parallel.threads = threads
            let fast = try Timing { losses[1] = try all.step(sample) }
            agree = agree && losses[0].bitPattern == losses[1].bitPattern
            if repetition == 0 { continue }
            alone.append(slow)
            together.append(fast)
        }
        for (name, a) in one.model.weights.tensors where name.contains(".cores.") {
            agree = agree && a.floats() == all.model.weights.tensors[name]!.floats()
        }
        let ratios = zip(alone, together).map { $0.seconds / $1.seconds }.sorted()
        func median(_ timings: [Timing]) -> Double { timings.map(\.seconds).sorted()[timings.count / 2] }
        Row(
            name: "scaling \(one.name) \(shape.dtype) \(shape.label)", seconds: median(together),
            figures: [
                ("one_thread_seconds", median(alone), "s on one thread"), ("speed_up", ratios[ratios.count / 2], "times as fast on \(threads)"),
                ("least", ratios[0], "at the least"), ("most", ratios[ratios.count - 1], "at the most"), ("same_bits", agree ? 1 : 0, "same bits (1: yes)"),
            ]
        ).show(json: options.json)
    }
}
