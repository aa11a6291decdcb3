import ArgumentParser
import Foundation
import Kernels
import Models
import TensorTrain
import Trainer

/// Text generation, one token after the other, from a dense model and from its compressed forms.
struct GenerationBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generation", abstract: "One-token passes of a dense model and of its compressed forms, in turn, against what the cost model predicts.")
    @OptionGroup var options: CommonOptions
    @Argument(help: "A Hugging Face directory or GGUF file.") var model: String
    @Option(help: "fp32 or bf16.") var dtype = "fp32"
    @Option(parsing: .upToNextOption, help: "Numbers in the cores of each matrix, as shares of its own.") var keep = [0.5, 0.3]
    @Option(help: "Tokens generated in one measurement.") var tokens = 64

    private static let prompt: [Int32] = [1, 2, 3, 4]

    func run() throws {
        options.apply()
        let type: DType = dtype == "bf16" ? .bf16 : .f32, costs = CostModel.measured(type, rows: 1)
        var forms: [(name: String, model: LlamaModel, layouts: [MPOLayout])] = []
        let compressed = try keep.flatMap { keep in
            try [MPOOptions.Legs.lowrank, .balanced].map { try MPOOptions.parse(["--keep", "\(keep)", "--legs", $0.rawValue]) }
        }
        for mpo in [MPOOptions?.none] + compressed {
            let name = mpo.map { "\($0.legs.rawValue) \(Int($0.keep * 100)) %" } ?? "dense"
            let (configuration, weights) = try BenchmarkModel.weights(model, type: type, mpo)
            // Nothing changes the cores, so what is rebuilt once serves every pass.
            let form = LlamaModel(
                configuration, weights, compute: type, longestContext: Self.prompt.count + tokens + 1,
                plan: { _, layout in .choose(layout: layout, tokens: 1, rebuildsShared: 1000, training: false) })
            forms.append((name, form, LlamaNames.matrixShapes(configuration).map { weights.layouts[$0.name] ?? .dense($0.out, $0.in) }))
        }
        func generate(_ model: LlamaModel) throws {
            var sampling = Sampling()
            _ = try Generation.run(model, prompt: Self.prompt, maxTokens: tokens, sampling: &sampling)
        }
        var seconds = [[Double]](repeating: [], count: forms.count)
        for repetition in 0...max(1, options.repetitions) {
            for (index, form) in forms.enumerated() {
                let timing = try Timing { try generate(form.model) }
                if repetition > 0 { seconds[index].append(timing.seconds / Double(tokens)) }
            }
        }
        let medians = seconds.map { $0.sorted()[$0.count / 2] }
        func predicted(_ layouts: [MPOLayout]) -> Double {
            layouts.reduce(0) { sum, layout in
                let plan = ContractionPlan.choose(layout: layout, tokens: 1, rebuildsShared: 1000, training: false)
                return sum + costs.seconds(layout.cores == 1 ? ContractionPlan.denseCost(layout, tokens: 1) : plan.forwardCost(layout, tokens: 1, rebuildsShared: 1000))
            }
        }
        let before = predicted(forms[0].layouts)
        for (form, seconds) in zip(forms, medians) {
            var figures = [("tokens_per_second", 1 / seconds, "tokens/s")]
            if form.name != "dense" {
                let gain = before - predicted(form.layouts)
                figures += [
                    ("faster", medians[0] / seconds, "times as fast as dense"), ("gain", (medians[0] - seconds) * 1e3, "ms gained a token"),
                    ("predicted_gain", gain * 1e3, "ms predicted"),
                ]
            }
            Row(name: "generation \(URL(fileURLWithPath: model).lastPathComponent) \(dtype) \(form.name)", seconds: seconds, figures: figures).show(json: options.json)
        }
    }
}

extension MPOLayout {
    fileprivate static func dense(_ out: Int, _ columns: Int) -> MPOLayout {
        try! MPOLayout(outFactors: [out], inFactors: [columns], limit: .exact)
    }
}
