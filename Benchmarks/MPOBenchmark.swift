import ArgumentParser
import Autograd
import Kernels
import TensorTrain

/// An MPO layer against the dense layer it replaces, forward and backward.
struct MPOBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mpo", abstract: "MPO linear layers against dense ones.")
    @OptionGroup var options: CommonOptions
    @Option(help: "Rows of the input.") var tokens = 2048
    @Option(parsing: .upToNextOption, help: "Widths of square matrices.") var widths = [576, 2048]

    func run() throws {
        options.apply()
        for type in [DType.f32, .bf16] where type == .f32 || GEMM.hasFastBFloat16 {
            let model = CostModel.measured(type)
            for width in widths {
                let x = Tensor.noise([tokens, width], type), dy = Tensor.noise([tokens, width], type)
                let w = Tensor.noise([width, width], .f32)
                let dense = measure(Linear(), [x, w], dy)
                Row(name: "dense \(type) \(width)", seconds: dense).show(json: options.json)
                for keep in [0.5, 0.3] {
                    for cores in [2, 3] {
                        let layout = try MPOLayout.balanced(out: width, in: width, cores: cores, limit: .keep(keep))
                        try show(layout, "balanced \(cores) cores \(Int(keep * 100)) %", .rebuild, type, x, dy, dense, model)
                    }
                    for inner in [1, 2] {
                        let layout = try MPOLayout.lopsided(out: width, in: width, inner: inner, limit: .keep(keep))
                        try show(layout, "lopsided \(inner) \(Int(keep * 100)) %", .choose(layout: layout, tokens: tokens), type, x, dy, dense, model)
                    }
                }
            }
        }
    }

    private func show(
        _ layout: MPOLayout, _ label: String, _ plan: ContractionPlan, _ type: DType, _ x: Tensor, _ dy: Tensor, _ dense: Double, _ model: CostModel
    ) throws {
        let cores = (0..<layout.cores).map { Tensor.noise(layout.coreShape($0), .f32) }
        // As in training, W stays from the forward to the backward pass.
        let cache = RebuiltWeight()
        let seconds = measure(MPOLinear(DenseForm(layout), plan: plan, cache: cache), [x] + cores, dy) { cache.invalidate() }
        let cost = plan.forwardCost(layout, tokens: tokens) + plan.backwardCost(layout, tokens: tokens, keepsDense: true)
        Row(name: "mpo \(type) \(layout.columns) \(label) (\(plan))", seconds: seconds, figures: [("ratio", seconds / dense, "x dense"), ("predicted", model.seconds(cost) / seconds, "of the time")]).show(json: options.json)
    }

    /// Forward and backward, the weights trained and x passing a cotangent on.
    private func measure(_ op: some Primitive, _ inputs: [Tensor], _ dy: Tensor, after: () -> Void = {}) -> Double {
        let gradients = Gradients(shapes: inputs.dropFirst().map(\.shape), type: .f32)
        return median(options.repetitions) {
            gradients.reset()
            var tape = Tape()
            let x = tape.input(inputs[0])
            let weights = inputs.dropFirst().enumerated().map { tape.parameter($1, index: $0) }
            let y = tape.apply(op, to: [x] + weights)
            tape.backward(from: y, cotangent: dy, into: gradients)
            after()
        }
    }
}
