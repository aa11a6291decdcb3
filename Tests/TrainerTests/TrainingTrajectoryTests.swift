import Autograd
import HealData
import Kernels
import Models
import TensorTrain
import TestSupport
import Testing
import Trainer

/// Twelve updates of a compressed toy model against torch in float64: accumulation, clipping, schedule, optimizer and model together.
@Suite struct TrainingTrajectoryTests {
    struct Golden: Decodable {
        struct Settings: Decodable {
            var learning_rate, weight_decay, adam_beta1, adam_beta2, adam_epsilon, max_grad_norm: Double
            var lr_scheduler_type: String
            var warmup_steps, max_steps: Int
        }
        struct Row: Decodable {
            var ids, targets: [Int32]
        }
        struct Step: Decodable {
            var micro_batches: [[Int]]
            var trained_tokens: Int
            var loss, grad_norm, rate: Double
        }
        var model, trained: String
        var settings: Settings
        var rows: [Row]
        var steps: [Step]
    }

    private struct Found {
        var losses: [Double] = [], norms: [Double] = []
        var final: [String: Tensor] = [:]
    }

    /// Rows packed into one micro-batch.
    private static func batch(_ rows: [Golden.Row]) -> TokenBatch {
        var batch = TokenBatch()
        for row in rows {
            batch.tokens += row.ids
            batch.labels += row.targets
            batch.positions += row.ids.indices.map(Int32.init)
            batch.segments.append(batch.tokens.count)
            batch.trainedTokens += row.targets.count { $0 >= 0 }
            batch.rows += 1
        }
        return batch
    }

    /// `W.weight.cores.k` of the goldens is `W.cores.k` here.
    private static func ownName(_ name: String) -> String {
        name.contains(".weight.cores.") ? name.split(separator: ".").filter { $0 != "weight" }.joined(separator: ".") : name
    }

    private func train(_ golden: Golden, _ tensors: [String: Tensor], plan: ContractionPlan, checkpointing: Bool = false) throws -> Found {
        var start = try GoldenModel(path: GoldenFiles.path(golden.model))
        var cores: [String: [Int: Tensor]] = [:]
        for (name, tensor) in tensors where name.hasPrefix("initial.") {
            let parts = Self.ownName(String(name.dropFirst(8))).split(separator: ".")
            // The update is in place: the golden's own tensors stay as they are.
            cores[parts.dropLast(2).joined(separator: "."), default: [:]][try #require(Int(parts.last!))] = tensor.copy()
        }
        for (module, found) in cores {
            let list = (0..<found.count).map { found[$0]! }, shapes = list.map(\.shape)
            let layout = try MPOLayout(
                outFactors: shapes.map { $0[1] }, inFactors: shapes.map { $0[2] }, bonds: [1] + shapes.map { $0[3] })
            start.weights.compress(module, layout: layout, cores: list)
        }
        #expect(cores.count == 14)
        let model = start.model(compute: .f32, trains: { golden.trained == "all" || $0.contains(".cores.") }, plan: { _, _ in plan }, keepsRebuilt: !checkpointing)
        let s = golden.settings
        let schedule = Schedule(
            shape: try #require(Schedule.Shape(rawValue: s.lr_scheduler_type)), peak: s.learning_rate, warmupSteps: s.warmup_steps,
            totalSteps: s.max_steps)
        var optimizer = AdamWOptimizer(
            shapes: model.trained.map { model.weights.tensors[$0]!.shape }, beta1: s.adam_beta1, beta2: s.adam_beta2, epsilon: s.adam_epsilon,
            weightDecay: s.weight_decay)
        let gradients = model.makeGradients()
        var found = Found()
        for (k, step) in golden.steps.enumerated() {
            var window = TrainingWindow(model, gradients: gradients, checkpointing: checkpointing)
            for numbers in step.micro_batches { try window.add(Self.batch(numbers.map { golden.rows[$0] })) }
            #expect(window.trainedTokens == step.trained_tokens)
            #expect(abs(schedule.rate(at: k) - step.rate) <= 1e-15)
            let norm = window.gradientNorm()
            found.losses.append(window.meanLoss)
            found.norms.append(norm)
            window.apply(&optimizer, learningRate: step.rate, norm: norm, maxNorm: s.max_grad_norm)
        }
        found.final = Dictionary(uniqueKeysWithValues: model.trained.map { ($0, model.weights.tensors[$0]!) })
        return found
    }

    private static let plans: [ContractionPlan] = [.rebuild, .coreByCore(.leftToRight), .coreByCore(.rightToLeft)]

    @Test(arguments: ["run-cores", "run-all"], plans)
    func trajectory(run: String, plan: ContractionPlan) throws {
        let golden: Golden = try GoldenFiles.json("training/\(run).json"), tensors = try GoldenFiles.tensors("training/\(run).safetensors")
        let found = try train(golden, tensors, plan: plan)
        for (what, values, expected) in [
            ("loss", found.losses, golden.steps.map(\.loss)), ("norm", found.norms, golden.steps.map(\.grad_norm)),
        ] {
            #expect(values.count == 12)
            for (k, (a, b)) in zip(values, expected).enumerated() {
                #expect(abs(a - b) < 1e-5 * b, "\(run), \(plan), update \(k): the \(what) is off by \(abs(a - b) / b)")
            }
        }
        let final = tensors.filter { $0.key.hasPrefix("final.") }
        #expect(Set(final.keys.map { Self.ownName(String($0.dropFirst(6))) }) == Set(found.final.keys))
        for (name, tensor) in final {
            let error = found.final[Self.ownName(String(name.dropFirst(6)))].map { relativeError($0, tensor) } ?? .infinity
            #expect(error < 1e-4, "\(run), \(plan), \(name): off by \(error)")
        }
    }

    /// Recomputing the blocks in the backward pass, and rebuilding their matrices, changes no bit of a whole run.
    @Test func checkpointing() throws {
        let golden: Golden = try GoldenFiles.json("training/run-all.json"), tensors = try GoldenFiles.tensors("training/run-all.safetensors")
        let kept = try train(golden, tensors, plan: .rebuild), again = try train(golden, tensors, plan: .rebuild, checkpointing: true)
        #expect(kept.losses == again.losses && kept.norms == again.norms)
        for (name, tensor) in kept.final { #expect(sameBits(tensor, again.final[name]!), "\(name)") }
    }
}
