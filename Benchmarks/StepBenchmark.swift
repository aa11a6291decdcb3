import ArgumentParser
import Foundation
import HealData
import Kernels
import Models
import Trainer

/// The whole healing step: forward, backward, clip, AdamW, on random token ids.
struct StepBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step", abstract: "The whole healing step of a model whose block matrices are all MPOs.")
    @OptionGroup var options: CommonOptions
    @OptionGroup var shape: StepOptions
    @Flag(help: "Keep one input a layer and compute the rest again.") var checkpointing = false
    @Flag(help: "Show where the time of the last step went.") var profile = false
    @Flag(help: "Do not keep rebuilt matrices from the forward to the backward pass.") var rebuildTwice = false
    @Flag(help: "Cores in bf16 and moments in 8 bits.") var narrow = false

    func run() throws {
        options.apply()
        let subject = try shape.subject(keepsRebuilt: !rebuildTwice, isNarrow: narrow)
        let sample = shape.randomBatch(of: subject.model)
        let work = StepWork(subject.model.configuration, tokens: shape.tokens, labelled: sample.trainedTokens, rowLength: shape.length)
        let roofline = [(2048, 1536, 576), (2048, 2048, 2048)].map {
            RooflineBenchmark.rate(m: $0.0, n: $0.1, k: $0.2, type: shape.type, repetitions: options.repetitions).gflops
        }.max()!
        var loss = 0.0
        try options.show {
            if profile { Stopwatch.start() }
            loss = try subject.step(sample, checkpointing: checkpointing)
        } as: { timing in
            Row(
                name: "step \(subject.name) \(shape.dtype) \(shape.label)" + (checkpointing ? " checkpointing" : ""), timing,
                figures: [
                    ("tokens_per_second", Double(shape.tokens) / timing.seconds, "tokens/s"),
                    ("gflops", work.flops / timing.seconds / 1e9, "GFLOP/s"),
                    ("roofline_share", work.flops / timing.seconds / 1e9 / roofline * 100, "% of the roofline"),
                    ("peak_gigabytes", Double(ProcessMemory.peak ?? 0) / 1e9, "GB peak"), ("loss", loss, "loss"),
                ])
        }
        if profile { show(Stopwatch.stop()) }
    }
}

extension StepBenchmark {
    /// Where the time of the last step went.
    private func show(_ profile: [String: Double]) {
        let total = profile.values.reduce(0, +)
        for (name, seconds) in profile.sorted(by: { $0.value > $1.value }) {
            print(name.padding(toLength: 40, withPad: " ", startingAt: 0), String(format: "%9.1f ms %5.1f %%", seconds * 1e3, seconds / total * 100))
        }
    }
}

extension TokenBatch {
    static func random(rows: Int, length: Int, vocabulary: Int) -> TokenBatch {
        var batch = TokenBatch()
        var state: UInt64 = 7
        for row in 0..<rows {
            for position in 0..<length {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                batch.tokens.append(Int32(state >> 33) % Int32(vocabulary))
                batch.positions.append(Int32(position))
            }
            batch.segments.append((row + 1) * length)
        }
        for row in 0..<rows {
            for position in 0..<length { batch.labels.append(position + 1 < length ? batch.tokens[row * length + position + 1] : -100) }
        }
        batch.trainedTokens = rows * (length - 1)
        return batch
    }
}

/// Floating-point operations a step cannot do without, had the matrices been dense: recomputation and rebuilding are not counted.
struct StepWork {
    let flops: Double

    init(_ c: LlamaConfiguration, tokens: Int, labelled: Int, rowLength: Int) {
        let matrices = LlamaNames.matrixShapes(c).reduce(0) { $0 + $1.out * $1.in }
        // Forward, cotangent of x, gradient of W; the frozen head has no gradient of W.
        let blocks = 6 * Double(matrices) * Double(tokens)
        let head = 4 * Double(c.vocabularySize * c.hiddenSize) * Double(labelled)
        // Two products forward, five backward, over half of the square.
        let attention = 7 * Double(c.layers * c.queryRows) * Double(tokens) * Double(rowLength)
        flops = blocks + head + attention
    }
}
