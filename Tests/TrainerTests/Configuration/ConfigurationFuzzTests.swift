import Basics
import Foundation
import HealData
import Kernels
import Models
import TestSupport
import Testing

@testable import Trainer

/// A few numbers that follow from a seed.
private struct Draws {
    private var state: UInt64
    init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func pick<Element>(_ choices: [Element]) -> Element {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return choices[Int((state >> 33) % UInt64(choices.count))]
    }
}

private let rounds = ProcessInfo.processInfo.environment["HEAL_FUZZ"].flatMap { Int($0) }

/// Every key with values at its bounds, beyond them and of other types: read or refused, in words, and never a crash. What is read reads back.
@Suite struct ConfigurationValueTests {
    static let keys = Configuration.nestedKeys.map(\.name).filter { !$0.hasPrefix("datasets.") && !$0.contains("rules.") && !$0.contains("calibration.datasets.") }
    static let values = [
        "0", "1", "2", "-1", "16", "17", "0.5", "1.5", "1e-320", "1e-30", "1e30", "1e300", "-1e300", "0.999999999999999999", "65536", "65537", "1048576", "1048577", "1000000000",
        "1000000001", "4611686018427387904", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e19", "18446744073709551616", "\"NaN\"", "\"inf\"", "\"-1\"", "\"auto\"",
        "\"\"", "\"0-99999999999999999999\"", "null", "true", "false", "[]", "[1]", "[null]", "[[]]", "[[1,2],[3]]", "[[0,1],[1,1]]", "[[4294967296,4294967296],[4294967296,1]]", "{}",
        "{\"x\":1}",
    ]

    @Test func anyValueOfAnyKey() throws {
        let model = try LlamaConfiguration(huggingFaceDirectory: GoldenFiles.repository.path + "/models/stories260K")
        let base = #"{"model": "m", "datasets": [{"path": "a"}]}"#
        var read = 0
        for key in Self.keys {
            for value in Self.values {
                do {
                    let c = try Configuration.parse(Array(base.utf8), file: "x.json", overrides: ["\(key)=\(value)"])
                    read += 1
                    let again = try Configuration.parse(Array(c.canonicalText.utf8), file: "y.json")
                    #expect(again == c, "\(key) \(value)")
                    derive(c, model)
                } catch {
                    #expect(!error.issues.isEmpty, "\(key) \(value): \(error)")
                }
            }
        }
        #expect(read > Self.keys.count)
    }

    /// All that follows from a configuration without files.
    private func derive(_ c: Configuration, _ model: LlamaConfiguration) {
        for steps in [0, 1, 1000, 1_000_000_000] {
            let total = c.totalSteps(stepsPerEpoch: steps), schedule = c.schedule(totalSteps: total)
            for step in [0, 1, total / 2, total] { #expect(schedule.rate(at: step).isFinite) }
        }
        _ = c.dataOptions
        _ = c.rowLength(model)
        _ = try? CompressionPlan(model, c.compression)
    }
}

extension TrainingJobTests {
    /// Configurations put together at random: what `prepare` accepts takes its first step. `HEAL_FUZZ` is how many to try.
    @Suite(.serialized) struct ConfigurationFuzz {
        private static let choices: [(key: String, values: [String])] = [
            ("max_seq_length", ["2", "3", "15", "16", "17", "33", "64", "65", "null"]), ("packing", ["true", "false"]), ("train_on_prompt", ["true", "false"]),
            ("val_size", ["0", "1e-9", "0.5", "0.999", "1", "6", "1000000"]), ("per_device_train_batch_size", ["1", "2", "7", "300"]), ("gradient_accumulation_steps", ["1", "2", "3"]),
            ("learning_rate", ["1e-300", "1e-6", "1e-3"]), ("lr_scheduler_type", ["linear", "cosine", "constant"]), ("warmup_steps", ["0", "1", "2", "1000000000"]),
            ("max_steps", ["1", "2", "1000000000", "-1"]), ("num_train_epochs", ["1e-9", "0.5", "1", "7", "1000000"]), ("weight_decay", ["0", "0.1", "10"]),
            ("adam_beta1", ["0", "0.9", "0.9999999"]), ("adam_beta2", ["0", "0.999", "0.9999999"]), ("adam_epsilon", ["1e-300", "1e-30", "1e-8", "1"]), ("max_grad_norm", ["0", "1e-12", "1", "1e300"]),
            ("optim", ["adamw", "adamw_8bit"]), ("core_learning_rate", ["balanced", "uniform"]), ("gauge", ["free", "balance"]), ("master_dtype", ["fp32", "bf16"]),
            ("dtype", GEMM.hasFastBFloat16 ? ["fp32", "bf16", "auto"] : ["fp32", "auto"]), ("gradient_checkpointing", ["true", "false"]),
            ("trainable", ["[]", "[\"*\"]", "[\"*norm\"]", "[\"embed_tokens\"]"]), ("eval_steps", ["null", "1", "1000000000"]), ("eval_max_rows", ["null", "1", "1000000000"]),
            ("sample_steps", ["null", "1"]), ("sample_prompt", ["", "The", "The cat sat in the sun and the rain and was red and big and old and so was the dog and the hen and the dog and the hen"]),
            ("save_total_limit", ["null", "1"]), ("threads", ["1", "2", "3", "64"]), ("seed", ["0", "42", "9223372036854775807"]), ("data_seed", ["null", "0", "9223372036854775807"]),
            ("compression.cores", ["1", "2", "3", "5", "8", "16"]), ("compression.keep", ["1e-9", "0.05", "0.1", "0.3", "0.5", "0.8", "0.999", "1", "null"]),
            ("compression.bond_dimension", ["null", "null", "1", "2", "9", "1000000"]), ("compression.budget", ["null", "auto", "uniform"]),
            ("compression.legs", ["null", "null", "auto", "lowrank", "balanced", "[[4,4],[4,4]]", "[[16,1],[1,16]]", "[[2,2],[2,2],[2,2],[2,2]]"]), ("compression.init", ["svd", "activation", "activation"]),
            ("compression.calibration.tokens", ["16", "64", "16777216"]), ("compression.calibration.held_out_tokens", ["16", "64", "16777216"]),
            ("compression.calibration.shrinkage", ["0", "0.05", "1"]), ("compression.calibration.prefix", ["original", "compressed"]), ("compression.calibration.metric", ["loss", "output"]),
            ("compression.calibration.skip_first_token", ["true", "false"]), ("compression.local.epochs", ["0", "0", "1", "2"]), ("compression.local.learning_rate", ["1e-9", "1e-3"]),
            ("compression.plan", ["auto", "rebuild", "core_by_core"]), ("compression.skip", ["[]", "[\"*\"]", "[\"mlp.*\"]"]),
            ("compression.rules", ["[]", "[]", "[{\"match\":\"down_proj\",\"keep\":1}]", "[{\"match\":\"*_proj\",\"bond_dimension\":1}]", "[{\"layers\":\"0\",\"cores\":7,\"keep\":0.9}]",
                "[{\"match\":\"{q,k}_proj\",\"skip\":true}]", "[{\"match\":\"q_proj\",\"legs\":[[4,2],[4,8]]}]"]),
            ("distillation.weight", ["0", "0", "0.5", "1"]), ("distillation.temperature", ["0.01", "1", "100"]), ("distillation.tokens", ["all", "labels"]),
        ]

        /// How many of `tries` configurations were accepted, each with about `changed` keys that are not at their defaults.
        private func run(_ tries: Range<Int>, in directory: String) throws -> Int {
            let base = try TinyModel.configuration(in: directory).canonicalText
            var accepted = 0
            for seed in tries {
                var draws = Draws(seed)
                let odds = draws.pick([2, 4, 8])
                var overrides: [String] = []
                for (key, values) in Self.choices {
                    let value = draws.pick(values)
                    if draws.pick(Array(0..<odds)) == 0 { overrides.append("\(key)=\(value)") }
                }
                if rounds != nil { FileHandle.standardError.write(Data("\(seed): \(overrides.joined(separator: " "))\n".utf8)) }
                if try takesItsFirstStep(base, overrides, "\(seed)") { accepted += 1 }
            }
            return accepted
        }

        private func takesItsFirstStep(_ base: String, _ overrides: [String], _ name: String) throws -> Bool {
            guard let configuration = try? Configuration.parse(Array(base.utf8), file: "tiny.json", overrides: overrides) else { return false }
            try? FileManager.default.removeItem(atPath: configuration.outputDirectory)
            let job = HealingJob(configuration)
            guard (try? job.prepare()) != nil else { return false }
            let isDone = Flag()
            do {
                let result = try job.run(stop: { isDone.isSet }) { event in
                    if case .run(.step(let report)) = event {
                        #expect(report.loss.isFinite, "\(name): \(overrides)")
                        isDone.set()
                    }
                }
                #expect(result.step > 0 || result.totalSteps == 0, "\(name): \(overrides)")
            } catch {
                // Found when rows are read or matrices are fitted: in words.
                let codes: [HealError.Code] = [.data, .configuration]
                let isWords = (error as? HealError).map { codes.contains($0.code) } ?? (error is DataError)
                #expect(isWords && !"\(error)".contains("potrf"), "\(name): \(overrides): \(error)")
            }
            return true
        }

        @Test func whatIsAcceptedTakesAStep() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                try TinyModel.write(to: directory + "/model")
                let first = ProcessInfo.processInfo.environment["HEAL_FUZZ_FROM"].flatMap { Int($0) } ?? 0, count = rounds ?? 120
                #expect(try run(first..<first + count, in: directory) > count / 20)
            }
        }
    }
}

/// A flag that a job's threads may look at.
private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
}
