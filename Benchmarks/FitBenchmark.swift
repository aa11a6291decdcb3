import ArgumentParser
import Kernels
import TensorTrain
import Trainer

/// How long a matrix takes to be fitted to its inputs, and in how much memory.
struct FitBenchmark: ParsableCommand {
    enum Legs: String, CaseIterable, ExpressibleByArgument {
        case lowrank, balanced
        /// (out, 2), (1, in / 2): legs that win for some matrices.
        case split
    }

    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "The cores of one matrix, fitted to synthetic inputs that have something in common.")
    @OptionGroup var options: CommonOptions
    @Option(help: "Rows of the matrix.") var out = 4096
    @Option(name: .customLong("in"), help: "Columns of the matrix.") var columns = 11008
    @Option(help: "Share of the parameters that is kept.") var keep = 0.6
    @Option(parsing: .upToNextOption, help: "lowrank, balanced, or split: (out, 2), (1, in / 2).") var legs = Legs.allCases
    @Option(help: "Tokens to fit to, and half as many others.") var tokens = 8192
    @Option(help: "Sweeps at most; as for a matrix of this size where nothing is said.") var sweeps: Int?
    @Option(help: "Steps of conjugate gradients a core at most; the same.") var steps: Int?

    func run() throws {
        options.apply()
        let weight = normals([out, columns], seed: 1).floats()
        var fitted = SecondMoment(width: columns), held = fitted
        let gathering = Timing {
            fitted = moment(tokens, seed: 2)
            held = moment(tokens / 2, seed: 3)
        }
        Row(name: "fit moments \(columns) wide, \(tokens) + \(tokens / 2) tokens", gathering, figures: [memory]).show(json: options.json)
        for legs in legs {
            let layout = try layout(legs)
            var fit: Fit<Float>?
            let timing = try Timing {
                let problem = try FitProblem<Float>(weight: weight, moment: fitted, shrinkage: 0.05), others = try FitProblem<Float>(weight: weight, moment: held)
                var fitting = FitOptions(size: weight.count)
                fitting.maximumSweeps = sweeps ?? fitting.maximumSweeps
                fitting.steps = steps ?? fitting.steps
                fit = try problem.fit(layout, options: fitting, held: others)
            }
            Row(
                name: "fit \(out) x \(columns) \(legs) keep \(keep)", timing,
                figures: [
                    memory, ("error", 100 * fit!.error, "% of the output"), ("held_error", 100 * fit!.heldError!, "% on other tokens"),
                    ("sweeps", Double(fit!.errors.count - 1), "sweeps"),
                ]
            ).show(json: options.json)
        }
    }

    private var memory: (name: String, value: Double, unit: String) { ("peak", Double(ProcessMemory.peak ?? 0) / Double(1 << 30), "GiB peak") }

    private func layout(_ legs: Legs) throws -> MPOLayout {
        switch legs {
        case .lowrank: try .lopsided(out: out, in: columns, inner: 1, limit: .keep(keep))
        case .balanced: try .balanced(out: out, in: columns, cores: 2, limit: .keep(keep))
        case .split: try MPOLayout(outFactors: [out, 1], inFactors: [2, columns / 2], limit: .keep(keep))
        }
    }

    /// Of inputs that have something in common: noise of which each column gets a share of its own, and a few directions that all columns see.
    private func moment(_ tokens: Int, seed: UInt64) -> SecondMoment {
        let common = 256, scales = normals([columns], seed: 11).floats()
        let mixing = normals([columns, common], seed: 12)
        var moment = SecondMoment(width: columns)
        for (index, start) in stride(from: 0, to: tokens, by: 1024).enumerated() {
            let count = min(1024, tokens - start), part = seed << 32 + UInt64(index)
            let noise = normals([count, columns], seed: 2 * part), directions = normals([count, common], seed: 2 * part + 1)
            let rows = Tensor([count, columns], .f32)
            GEMM.multiply(directions, mixing, transposeB: true, into: rows)
            for place in 0..<rows.count { rows.base.f32[place] = 0.1 * rows.base.f32[place] + scales[place % columns] * noise.base.f32[place] }
            moment.add(rows)
        }
        return moment
    }

    private func normals(_ shape: [Int], seed: UInt64) -> Tensor {
        let result = Tensor(shape, .f32)
        var random = SplitMix64(seed: seed)
        for place in stride(from: 0, to: result.count - 1, by: 2) {
            let (a, b) = random.nextNormals()
            (result.base.f32[place], result.base.f32[place + 1]) = (Float(a), Float(b))
        }
        if !result.count.isMultiple(of: 2) { result.base.f32[result.count - 1] = Float(random.nextNormals().0) }
        return result
    }
}
