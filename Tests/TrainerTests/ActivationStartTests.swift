import Autograd
import Basics
import Foundation
import HealData
import Kernels
import Models
import Storage
import TensorTrain
import Testing
import TestSupport

@testable import Trainer

extension TrainingJobTests {
    /// Cores fitted to calibration rows, on the embedded model.
    @Suite(.serialized) struct ActivationStart {
        /// A decomposition of the embedded model and what it was made from.
        struct Start {
            var opened: OpenedModel
            var dataset: Dataset
            var configuration: Configuration
            var weights: ModelWeights
            var results: [Compressor.Result]
            /// Matrices that came out of the cache.
            var cached: Int

            func perplexity() throws -> Double {
                let model = LlamaModel(opened.configuration, weights, compute: .f32, longestContext: configuration.rowLength(opened.configuration))
                return try #require(try Evaluation.run(model, dataset, rowsPerBatch: 4)).perplexity
            }

            /// The mean divergence of what it says from what the original says, at the labelled tokens of held-back rows: unlike perplexity it also tells how much is
            /// lost where the original itself knows little.
            func divergence() throws -> Double {
                func model(_ weights: ModelWeights) -> LlamaModel { LlamaModel(opened.configuration, weights, compute: .f32, longestContext: configuration.rowLength(opened.configuration)) }
                let original = model(try opened.weights()), compressed = model(weights)
                var sum = 0.0, count = 0
                for batch in try HeldBackRows(dataset, rowsPerBatch: 4, maxRows: nil).batches {
                    let p = original.logits(batch.input), q = compressed.logits(batch.input), width = p.rowCount
                    func logSoftmax(_ z: Tensor, _ row: Int) -> [Double] {
                        let line = (0..<width).map { Double(z.base.f32[row * width + $0]) }, top = line.max()!
                        let whole = log(line.reduce(0) { $0 + exp($1 - top) }) + top
                        return line.map { $0 - whole }
                    }
                    for row in batch.labels.indices where batch.labels[row] >= 0 {
                        sum += zip(logSoftmax(p, row), logSoftmax(q, row)).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                        count += 1
                    }
                }
                return sum / Double(count)
            }

            /// Cores, and what is known of them but for the time it took.
            var bits: [String: [UInt32]] { weights.tensors.mapValues { $0.floats().map(\.bitPattern) } }
            var reports: [FitReport?] {
                results.map { result in
                    var fit = result.fit
                    fit?.seconds = 0
                    return fit
                }
            }
        }

        private struct Killed: Error {}

        private func start(
            cache: DecompositionCache? = nil, killAfter limit: Int = .max, _ change: (inout CompressionConfiguration) throws -> Void = { _ in }
        ) throws -> Start {
            try GoldenFiles.withTemporaryDirectory { directory in
                var configuration = try SmallJob(in: directory).configuration
                configuration.compression.initialization = .activation
                configuration.compression.budget = .uniform
                configuration.compression.calibration.prefix = .original
                configuration.compression.calibration.shrinkage = 0.001
                configuration.compression.calibration.tokens = 2000
                configuration.compression.calibration.heldOutTokens = 1200
                try change(&configuration.compression)
                let opened = try OpenedModel.open(configuration.model), job = HealingJob(configuration), dataset = try job.dataset(opened)
                let plan = try CompressionPlan(opened.configuration, configuration.compression)
                var weights = try opened.weights(leavingOut: Set(plan.compressed.map(\.name))), fresh = 0
                let results = try job.decompose(opened, plan, dataset, compute: .f32, into: &weights, cache: cache) { progress in
                    if progress.parametersPerSecond != nil { fresh += 1 }
                    if progress.done == limit { throw Killed() }
                }
                #expect(results.map(\.name) == plan.compressed.map(\.name))
                return Start(
                    opened: opened, dataset: dataset, configuration: configuration, weights: weights, results: results, cached: results.count - fresh)
            }
        }

        @Test func legsAreAsAsked() throws {
            let low = try start { $0.legs = .lowRank }, balanced = try start { $0.legs = .balanced }, searched = try start()
            for (index, result) in low.results.enumerated() {
                #expect(result.layout.outFactors[1] == 1 && result.layout.inFactors[0] == 1)
                #expect(try balanced.results[index].layout.outFactors == MPOLayout.balanced(out: result.layout.rows, in: result.layout.columns, cores: 2).outFactors)
                let (best, error) = (try #require(searched.results[index].fit), try #require(result.fit?.heldError))
                #expect(best.tried > 2 && best.lowRankError == error && best.heldError <= error, "\(result.name): \(best), low-rank \(error)")
                for start in [low, balanced, searched] { #expect(start.results[index].layout.keptFraction <= 0.5) }
            }
            #expect(Set(searched.results.map(\.layout.inFactors)).count > 2, "not all legs are alike")
            let given = try start { $0.legs = .given(outputs: [8, 8], inputs: [4, 16]); $0.rules = [try rule("mlp.*", skip: true), try rule("{k,v}_proj", skip: true)] }
            #expect(given.results.count == 10 && given.results.allSatisfy { $0.layout.inFactors == [4, 16] })
        }

        private func rule(_ pattern: String, skip: Bool) throws -> CompressionRule {
            var rule = CompressionRule()
            rule.match = OneOrMore([try NamePattern(pattern)])
            rule.skip = skip
            return rule
        }

        /// What is reported of the first matrix is what comes out of it.
        @Test func errorIsThatOfTheOutputs() throws {
            let start = try start { $0.legs = .balanced; $0.calibration.metric = .output }, rows = try CalibrationRows(start.dataset, start.configuration.compression.calibration)
            let name = "model.layers.0.self_attn.q_proj", result = try #require(start.results.first { $0.name == name })
            let dense = try start.opened.weights()
            let model = LlamaModel(start.opened.configuration, dense, compute: .f32, longestContext: 160)
            let block = BlockRunner(start.opened.configuration, dense, layer: 0, compute: .f32, longestContext: 160)
            let w = dense.tensors[name + ".weight"]!.floats(), layout = result.layout
            let cores = (0..<2).map { start.weights.tensors["\(name).cores.\($0)"]! }
            let other = DenseForm(layout).dense(cores, type: .f32).floats()
            for (batches, reported) in [(rows.fitted, result.fit!.error), (rows.held, result.fit!.heldError)] {
                var (lost, whole) = (0.0, 0.0)
                for batch in batches {
                    let x = block.begin(model.embedded(batch.input.tokens)).input.floats()
                    for token in 0..<batch.count {
                        for row in 0..<layout.rows {
                            var (y, difference) = (0.0, 0.0)
                            for column in 0..<layout.columns {
                                let (a, place) = (Double(x[token * layout.columns + column]), row * layout.columns + column)
                                y += Double(w[place]) * a
                                difference += Double(w[place] - other[place]) * a
                            }
                            lost += difference * difference
                            whole += y * y
                        }
                    }
                }
                // Fitted moments have a share of white noise.
                #expect(abs(lost / whole - reported) < 0.02 * reported, "\(lost / whole), reported \(reported)")
            }
        }

        @Test func isBetterThanTheSVD() throws {
            let svd = try start { $0.initialization = .svd }, fitted = try start()
            let (plain, better) = (try svd.perplexity(), try fitted.perplexity())
            #expect(better < 0.8 * plain, "\(better) against \(plain)")
            #expect(svd.results.allSatisfy { $0.fit == nil })
        }

        @Test(arguments: [CalibrationConfiguration.Prefix.original, .compressed]) func sameBitsForAnyNumberOfThreads(
            prefix: CalibrationConfiguration.Prefix
        ) throws {
            let before = Parallel.threads
            defer { Parallel.threads = before }
            let starts = try [1, 2, 4].map { threads in
                Parallel.threads = threads
                return try start { $0.budget = nil; $0.calibration.prefix = prefix }
            }
            for other in starts.dropFirst() { #expect(other.bits == starts[0].bits && other.reports == starts[0].reports) }
        }

        /// Parameters are spread: the total stays, the errors as they come out, weighed by what they do to the loss, fall, and so does the divergence from the original.
        /// (Perplexity tells nothing here: on rows unlike anything this small model was trained on it does not even fall with every larger size. Where only half of the
        /// parameters are kept the divergences of these few matrices with legs of their own do not differ clearly either.)
        @Test(arguments: [CalibrationConfiguration.Prefix.original, .compressed]) func budgetIsSpread(prefix: CalibrationConfiguration.Prefix) throws {
            func total(_ start: Start) -> Int { start.results.reduce(0) { $0 + $1.layout.parameterCount } }
            func predicted(_ start: Start) -> Double { start.results.reduce(0) { $0 + $1.fit!.weightedError! } }
            let uniform = try start { $0.calibration.prefix = prefix; $0.keep = 0.65 }, spread = try start { $0.calibration.prefix = prefix; $0.keep = 0.65; $0.budget = nil }
            let limit = try #require(spread.configuration.compression.keep) * Double(spread.results.reduce(0) { $0 + $1.layout.denseCount })
            #expect((0.97...1).contains(Double(total(spread)) / limit) && Double(total(uniform)) <= limit)
            #expect(Set(spread.results.map(\.layout.keptFraction)).count > 10)
            #expect(predicted(spread) < 0.9 * predicted(uniform))
            let (before, after) = (try uniform.divergence(), try spread.divergence())
            #expect(after < 0.95 * before, "\(after) against \(before)")
            // A rule pins its matrices, and takes nothing from the others.
            var pin = CompressionRule()
            pin.match = OneOrMore([try NamePattern("down_proj")])
            pin.keep = 0.9
            let pinned = try start { $0.calibration.prefix = prefix; $0.budget = nil; $0.rules = [pin] }
            for result in pinned.results where result.name.hasSuffix("down_proj") { #expect((0.8...0.9).contains(result.layout.keptFraction)) }
        }

        /// Rows that count more are kept better, and the model that makes up for earlier losses is better than one that does not.
        @Test func metricAndPrefix() throws {
            let plain = try start { $0.calibration.metric = .output; $0.keep = 0.35 }, weighed = try start { $0.keep = 0.35 }
            let following = try start { $0.keep = 0.35; $0.calibration.prefix = .compressed }
            let (a, b, c) = (try plain.perplexity(), try weighed.perplexity(), try following.perplexity())
            #expect(b < a && c < b, "output \(a), loss \(b), on compressed layers \(c)")
        }

        /// Blocks healed by themselves: a better start, the same for any number of threads and after a kill.
        @Test func local() throws {
            func local(_ cache: DecompositionCache? = nil, killAfter limit: Int = .max, epochs: Int = 40) throws -> Start {
                try start(cache: cache, killAfter: limit) {
                    ($0.calibration.prefix, $0.keep, $0.local.epochs, $0.local.learningRate) = (.compressed, 0.35, epochs, 3e-4)
                }
            }
            let before = try local(epochs: 0), after = try local()
            #expect(before.reports.allSatisfy { $0!.localError == nil } && after.reports.allSatisfy { $0!.localError! <= 1 })
            #expect(Set(after.reports.map { $0!.localError! }).count == 5 && after.reports.contains { $0!.localError! < 0.95 })
            let (a, b) = (try after.divergence(), try before.divergence())
            #expect(a < 0.99 * b, "\(after.reports.map { $0!.localError! })")
            let threads = Parallel.threads
            defer { Parallel.threads = threads }
            Parallel.threads = 3
            try GoldenFiles.withTemporaryDirectory { directory in
                let cache = DecompositionCache(directory: directory + "/decomposition")
                #expect(throws: Killed.self) { try local(cache, killAfter: 20) }
                #expect(try local(cache).bits == after.bits)
                let again = try local(cache)
                #expect(again.bits == after.bits && again.cached == 35 && again.reports == after.reports)
            }
        }

        /// A kill loses no finished matrix; other rows, legs or sizes use none of the files.
        @Test func goesOnAfterAKill() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try start(), cache = DecompositionCache(directory: directory + "/decomposition")
                #expect(throws: Killed.self) { try start(cache: cache, killAfter: 12) }
                let resumed = try start(cache: cache)
                #expect((12..<35).contains(resumed.cached) && resumed.bits == straight.bits && resumed.reports == straight.reports)
                #expect(try start(cache: cache).cached == 35)
                #expect(try start(cache: cache) { $0.calibration.tokens = 1500 }.cached == 0)
                #expect(try start(cache: cache) { $0.legs = .lowRank }.cached == 0)
                // Shared: several ways side by side, spread sizes too.
                let shared = DecompositionCache(directory: directory + "/shared", isShared: true)
                let spread = try start(cache: shared) { $0.budget = nil }
                #expect(try start(cache: shared).bits == straight.bits)
                // A finished model comes back as a whole, without calibrating; one that lacks a matrix does not.
                let lost = shared.directory + "/" + (try #require(try FileSystem.names(in: shared.directory).first { $0.contains("layers.2.mlp.up_proj") }))
                #expect(try start(cache: shared) { $0.budget = nil }.bits == spread.bits)
                try FileSystem.removeFile(lost)
                #expect(try start(cache: shared) { $0.budget = nil }.bits == spread.bits)
                let again = try start(cache: shared) { $0.budget = nil }
                #expect(again.cached == 35 && again.bits == spread.bits)
                shared.remove()
                #expect(FileSystem.kind(of: shared.directory) == .directory)
            }
        }

        /// The whole job: fits, heals, and goes on from a checkpoint without calibrating again.
        @Test func heals() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var job = try SmallJob(in: directory)
                job.configuration.compression.initialization = .activation
                job.configuration.compression.calibration.tokens = 1000
                let straight = try job.run()
                let stopped = try job.withOutput("stopped").run(stopAfter: 30)
                #expect(stopped.result.step < 24)
                let resumed = try job.withOutput("stopped").run(resume: .latest)
                #expect(resumed.events.allSatisfy { if case .decomposed = $0 { false } else { true } })
                #expect(try job.withOutput("stopped").numbers().differences(from: job.numbers()) == [])
                #expect(straight.result.healed!.loss < straight.result.truncated!.loss)
            }
        }
    }
}
