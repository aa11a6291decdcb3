import Autograd
import Kernels
import Models
import TensorTrain

/// Trains the cores of one block by themselves until the block, given what the compressed blocks before it produce, gives what the original block gave.
///
/// The error is the sum over channels j of the residual stream of g_j (h_j - h'_j)^2, with g_j how much the loss depends on that channel there: what counts is
/// the stream that the next block reads, so errors of earlier blocks are made up for as far as one block can. AdamW with a rate that falls to 0 as half a cosine.
struct LocalHealing {
    let options: LocalHealingConfiguration
    let rows: CalibrationRows
    let compute: DType
    let longestContext: Int
    /// g; nil where all channels count alike.
    let squares: [Double]?

    /// - Parameters:
    ///   - weights: of the block, with cores.
    ///   - inputs: what the block is given, a tensor for each batch of the rows, [T, hidden].
    ///   - targets: what it should give.
    ///   - stop: asked before each batch.
    /// - Returns: the cores in float32, by name, those of the pass with the least error on rows that are not fitted (of the start if no pass was better), and that
    ///   error's share of the one before; nil when stopped.
    func run(
        _ configuration: LlamaConfiguration, _ weights: ModelWeights, layer: Int, inputs: [Tensor], targets: [Tensor], stop: () -> Bool
    ) -> (cores: [String: Tensor], errorLeft: Double)? {
        var weights = weights
        for name in weights.layouts.keys.flatMap(weights.coreNames) { weights.tensors[name] = Elementwise.convert(weights.tensors[name]!, to: .f32).copy() }
        let block = TrainableBlock(configuration, weights, layer: layer, compute: compute, longestContext: longestContext), model = block.model
        let scales = channelScales(configuration.hiddenSize)
        var optimizer = AdamWOptimizer(
            shapes: model.trained.map { weights.tensors[$0]!.shape }, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0)
        func parameters() -> [Tensor] { model.trained.map { weights.tensors[$0]! } }
        func heldError() -> Double {
            rows.held.indices.reduce(0) { sum, index in
                let place = rows.fitted.count + index
                var tape = Tape(records: false)
                let y = block.output(inputs[place], rows.held[index].input, &tape).value
                return sum + difference(y, targets[place], count: rows.held[index].count, scales).error
            }
        }
        let before = heldError()
        var best = (error: before, cores: parameters().map { $0.copy() })
        let gradients = model.makeGradients(), perEpoch = rows.fitted.count
        let schedule = Schedule(
            shape: .cosine, peak: options.learningRate, warmupSteps: min(8, options.epochs * perEpoch / 4), totalSteps: options.epochs * perEpoch)
        for epoch in 0..<options.epochs {
            for (index, batch) in rows.fitted.enumerated() {
                if stop() { return nil }
                var tape = Tape()
                let y = block.output(inputs[index], batch.input, &tape)
                let (cotangent, _) = difference(y.value, targets[index], count: batch.count, scales)
                gradients.reset()
                tape.backward(from: y, cotangent: cotangent, into: gradients)
                optimizer.update(
                    parameters(), gradients: { gradients[$0] }, learningRate: schedule.rate(at: epoch * perEpoch + index), gradientScale: 1 / Double(batch.count))
                model.parametersChanged()
            }
            let error = heldError()
            if error < best.error { best = (error, parameters().map { $0.copy() }) }
        }
        return (Dictionary(uniqueKeysWithValues: zip(model.trained, best.cores)), before > 0 ? best.error / before : 1)
    }

    /// g with mean 1 and a floor, so that no channel is free.
    private func channelScales(_ width: Int) -> [Float] {
        guard let squares, squares.count == width else { return [Float](repeating: 1, count: width) }
        let mean = squares.reduce(0, +) / Double(width)
        return mean > 0 ? squares.map { Float($0 / mean + 0.01) } : [Float](repeating: 1, count: width)
    }

    /// g (h' - h), zero for padding, which is half the gradient of the error by h', and the error.
    private func difference(_ y: Tensor, _ target: Tensor, count: Int, _ scales: [Float]) -> (weighed: Tensor, error: Double) {
        let y = Elementwise.convert(y, to: .f32), target = Elementwise.convert(target, to: .f32), width = scales.count
        let result = Tensor.zeros(y.shape, .f32)
        var error = 0.0
        for token in 0..<count {
            for channel in 0..<width {
                let place = token * width + channel, d = y.base.f32[place] - target.base.f32[place]
                result.base.f32[place] = scales[channel] * d
                error += Double(scales[channel] * d * d)
            }
        }
        return (result, error)
    }
}
