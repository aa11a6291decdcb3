import Foundation
import Kernels
import Models
import TensorTrain
import TestSupport
import Testing

@testable import Trainer

extension TrainingJobTests {
    /// What a configuration may ask for at its edges, and models with dead parts: a job runs to its end, with finite numbers.
    @Suite(.serialized) struct Edges {
        private func run(_ directory: String, rows: [String] = TinyModel.rows, _ change: (inout Configuration) throws -> Void) throws -> JobResult {
            var configuration = try TinyModel.configuration(in: directory, rows: rows)
            try change(&configuration)
            try? FileManager.default.removeItem(atPath: configuration.outputDirectory)
            let result = try HealingJob(configuration).run { _ in }
            #expect(result.ending == .complete)
            for found in [result.dense, result.truncated, result.healed] { #expect(found.map(\.loss.isFinite) ?? true) }
            return result
        }

        private func withModel(_ edit: (inout [String: [Float]]) -> Void = { _ in }, _ body: (String) throws -> Void) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                try TinyModel.write(to: directory + "/model", edit: edit)
                try body(directory)
            }
        }

        @Test(arguments: [2, 3, 6, 7, 11, 16]) func anyNumberOfCores(cores: Int) throws {
            try withModel { directory in
                for initialization in CompressionConfiguration.Initialization.allCases {
                    for plan in CompressionConfiguration.Plan.allCases {
                        _ = try run(directory) { c in
                            c.compression.cores = cores
                            (c.compression.keep, c.compression.budget) = (0.9, .uniform)
                            c.compression.initialization = initialization
                            c.compression.plan = plan
                            c.compression.local.epochs = initialization == .activation && plan == .auto ? 1 : 0
                            (c.gauge, c.gaugeSteps, c.maxSteps) = (.balance, 1, 2)
                        }
                    }
                }
                // The cores that are written are those that are read.
                let run = directory + "/run", opened = try OpenedModel.open(run), weights = try opened.weights()
                #expect(weights.layouts.values.allSatisfy { $0.cores == cores } && !weights.layouts.isEmpty)
                try MPOExport.write(opened, weights: weights, to: directory + "/mpo", dtype: .fp32)
                let again = try OpenedModel.open(directory + "/mpo").weights()
                for (name, layout) in weights.layouts {
                    let (a, b) = (try weights.operatorOf(name), try again.operatorOf(name))
                    #expect(relativeError(b.dense().map(Double.init), a.dense().map(Double.init)) < 1e-4, "\(name) \(layout)")
                    #expect(try a.rounded(to: .bondDimension(2)).mpo.layout.bonds.allSatisfy { $0 <= 2 })
                }
            }
        }

        /// Rows shorter than the 16 tokens that batches are padded to.
        @Test(arguments: [2, 3, 5, 8, 15]) func shortRows(length: Int) throws {
            // Rows that differ from their first token on.
            let rows = "abcdefghijklmnoprstuvwyz".map { "\($0)\($0) sat in the rain and was red" }
            try withModel { directory in
                // Of two tokens that are bos and the mark of a word's beginning all samples are alike, and nothing can be chosen on others.
                for initialization in CompressionConfiguration.Initialization.allCases where length > 2 || initialization == .svd {
                    for (packing, batch) in [(true, 2), (false, 1)] {
                        _ = try run(directory, rows: rows) { c in
                            (c.maxSequenceLength, c.packing, c.perDeviceTrainBatchSize, c.maxSteps) = (length, packing, batch, 3)
                            c.compression.initialization = initialization
                            (c.sampleSteps, c.samplePrompt) = (1, "The")
                        }
                    }
                }
            }
        }

        private static let dead: [(String, [String])] = [
            ("a matrix", ["model.layers.0.mlp.up_proj.weight"]), ("a row of matrices", ["model.layers.0.self_attn.v_proj.weight"]), ("the embedding", ["model.embed_tokens.weight"]),
            ("a norm", ["model.layers.0.input_layernorm.weight"]), ("the last norm", ["model.norm.weight"]),
            ("all projections", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"].map { "model.layers.0.\($0).weight" }),
        ]

        @Test(arguments: dead) func partsOfZeros(_ what: String, _ names: [String]) throws {
            try withModel { tensors in
                for name in names { tensors[name] = tensors[name]!.map { _ in 0 } }
            } _: { directory in
                for (budget, prefix, metric, legs) in [
                    (CompressionConfiguration.Budget.auto, CalibrationConfiguration.Prefix.compressed, CalibrationConfiguration.Metric.loss, Legs?.none),
                    (.uniform, .original, .output, .auto), (.uniform, .compressed, .loss, .balanced),
                ] {
                    for shrinkage in [0, 0.05] {
                        _ = try run(directory) { c in
                            (c.compression.budget, c.compression.legs, c.compression.keep) = (budget, legs, 0.6)
                            (c.compression.calibration.prefix, c.compression.calibration.metric, c.compression.calibration.shrinkage) = (prefix, metric, shrinkage)
                            c.compression.local.epochs = prefix == .compressed ? 1 : 0
                        }
                    }
                }
                _ = try run(directory) { $0.compression.initialization = .svd }
                let configuration = try TinyModel.configuration(in: directory), opened = try OpenedModel.open(configuration.model)
                let profile = try SensitivityJob(configuration, directory: directory + "/sensitivity").run(opened, HealingJob(configuration).dataset(opened))
                #expect(profile?.lines.allSatisfy { $0.points.allSatisfy { $0.loss.isFinite && $0.predicted.isFinite } } == true)
            }
        }

        /// What single precision cannot hold is named, and the way out works.
        @Test func numbersTooLargeAreNamed() throws {
            let name = "model.layers.0.mlp.up_proj"
            try withModel { $0[name + ".weight"] = $0[name + ".weight"]!.map { $0 * 1e30 } } _: { directory in
                let error = #expect(throws: HealError.self) { try run(directory) { $0.compression.calibration.prefix = .compressed } }
                #expect(error?.description.contains("model.layers.0.mlp.") == true, "\(error?.description ?? "")")
                #expect(error?.description.contains("potrf") == false)
            }
        }

        /// Ids that the embedding does not have are named wherever they come from.
        @Test func idsOutsideTheEmbedding() throws {
            try withModel { directory in
                let model = try OpenedModel.open(directory + "/model"), weights = try model.weights()
                let batch = CalibrationRows.Batch(input: TokenInput([1, 512, 3]), labels: [512, 3, -100], count: 3)
                let error = #expect(throws: HealError.self) {
                    try OutputGradients.gather(model.configuration, weights, [batch], compute: .f32, checkpointing: false, stop: { false }, progress: { _ in })
                }
                #expect(error?.description.contains("512") == true)
            }
        }
    }
}
