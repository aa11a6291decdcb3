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
    @Flag(help: "Only y = x Wᵀ, as in generation: nothing is kept for a gradient, and what is rebuilt serves every pass.") var forward = false

    /// Passes that share what is rebuilt where nothing changes the cores.
    private static let everyPass = 1000

    func run() throws {
        options.apply()
        for type in [DType.f32, .bf16] where type == .f32 || GEMM.hasFastBFloat16 {
            let model = forward && tokens == 1 ? CostModel.measured(type, rows: 1) : CostModel.measured(type)
            for width in widths {
                let x = Tensor.noise([tokens, width], type), dy = Tensor.noise([tokens, width], type)
                let w = Tensor.noise([width, width], .f32)
                let dense = forward ? forwardSeconds(width * width) { (Linear(), [x, Elementwise.convert(w, to: type).copy()]) } : measure(Linear(), [x, w], dy)
                Row(name: "dense \(type) \(width)", seconds: dense).show(json: options.json)
                for share in [0.5, 0.3] {
                    for cores in [2, 3] {
                        let layout = try MPOLayout.holding(share) { try .balanced(out: width, in: width, cores: cores, limit: $0) }
                        try show(layout, "balanced \(cores) cores \(Int(share * 100)) %", forward ? plan(layout) : .rebuild, type, x, dy, dense, model)
                    }
                    for inner in [1, 2] {
                        let layout = try MPOLayout.holding(share) { try .lopsided(out: width, in: width, inner: inner, limit: $0) }
                        try show(layout, "lopsided \(inner) \(Int(share * 100)) %", plan(layout), type, x, dy, dense, model)
                    }
                }
            }
        }
    }

    private func plan(_ layout: MPOLayout) -> ContractionPlan {
        forward
            ? .choose(layout: layout, tokens: tokens, rebuildsShared: Self.everyPass, training: false) : .choose(layout: layout, tokens: tokens, keepsDense: true)
    }

    private func show(
        _ layout: MPOLayout, _ label: String, _ plan: ContractionPlan, _ type: DType, _ x: Tensor, _ dy: Tensor, _ dense: Double, _ model: CostModel
    ) throws {
        let cores = (0..<layout.cores).map { Tensor.noise(layout.coreShape($0), .f32) }
        // As in training, W stays from the forward to the backward pass; where nothing is trained, for good.
        let cache = PreparedWeight()
        let seconds =
            forward
            ? forwardSeconds(plan == .rebuild ? layout.denseCount : layout.coreTotal) {
                (MPOLinear(DenseForm(layout), plan: plan, cache: PreparedWeight()), [x] + cores.map { $0.copy() })
            } : measure(MPOLinear(DenseForm(layout), plan: plan, cache: cache), [x] + cores, dy) { cache.invalidate() }
        let cost =
            forward
            ? plan.forwardCost(layout, tokens: tokens, rebuildsShared: Self.everyPass)
            : plan.forwardCost(layout, tokens: tokens) + plan.backwardCost(layout, tokens: tokens, keepsDense: true)
        Row(name: "mpo \(type) \(layout.columns) \(label) (\(plan))", seconds: seconds, figures: [("ratio", seconds / dense, "x dense"), ("predicted", model.seconds(cost) / seconds, "of the time")]).show(json: options.json)
    }

    /// More elements than caches hold.
    private static let memory = 32 << 20

    /// Forward alone, over so many layers with weights of their own that each comes from memory, as in a model.
    ///
    /// - Parameter elements: what a pass reads of one layer.
    private func forwardSeconds<Op: Primitive>(_ elements: Int, _ layer: () -> (op: Op, inputs: [Tensor])) -> Double {
        let layers = (0..<max(1, Self.memory / elements)).map { _ in layer() }
        return median(options.repetitions) {
            for layer in layers {
                var tape = Tape(records: false)
                _ = tape.apply(layer.op, to: layer.inputs.map(Variable.init(constant:)))
            }
        } / Double(layers.count)
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
