import Autograd
import Kernels
import Models
import TestSupport
import Testing

/// Loss and the gradients of every weight against the reference in float64.
@Suite struct ToyGradientTests {
    private struct Found {
        var loss: Double
        var gradients: [String: Tensor]
    }

    /// Gradients of the mean loss over all samples, each sample a backward pass of its own or all packed into one.
    private func run(
        _ model: LlamaModel, _ golden: ToyGolden, packed: Bool = false, checkpointing: Bool = false, spare: Int = 0
    ) throws -> Found {
        let targets = try #require(golden.targets), count = Double(try #require(golden.trained_tokens))
        let passes = packed ? [(TokenInput(packing: golden.ids), targets.flatMap { $0 })] : zip(golden.ids, targets).map { (TokenInput($0), $1) }
        let gradients = model.makeGradients()
        var loss = 0.0
        for (input, labels) in passes {
            var tape = Tape()
            let sum = model.loss(input, labels: labels, &tape, checkpointing: checkpointing, spare: spare)
            tape.backward(from: sum, cotangent: Tensor([1.0], [1]), into: gradients)
            loss += sum.value.doubles()[0]
        }
        var named: [String: Tensor] = [:]
        for (i, name) in model.trained.enumerated() {
            let mean = gradients[i].copy()
            Elementwise.scale(mean, by: 1 / count)
            named[name] = mean
        }
        return Found(loss: loss / count, gradients: named)
    }

    @Test(arguments: ["llama3", "qwen2"], [DType.f32, .f64])
    func gradients(family: String, compute: DType) throws {
        let golden = try ToyGolden(family), tensors = try GoldenFiles.tensors("models/\(family)/golden.safetensors")
        let model = try GoldenModel(family: family).model(compute: compute, trains: { _ in true })
        let limit = compute == .f64 ? 2e-7 : 2e-5
        let apart = try run(model, golden)
        for (form, found) in [("apart", apart), ("packed", try run(model, golden, packed: true))] {
            #expect(abs(found.loss - golden.loss!) < limit * golden.loss!, "\(family), \(compute), \(form): loss \(found.loss)")
            let expected = tensors.keys.filter { $0.hasPrefix("grad.") }
            #expect(Set(expected) == Set(found.gradients.keys.map { "grad." + $0 }))
            for name in expected.sorted() {
                let error = relativeError(found.gradients[String(name.dropFirst(5))]!, tensors[name]!)
                #expect(error < limit, "\(family), \(compute), \(form), \(name): off by \(error)")
            }
        }
    }

    /// Keeping only each block's input changes memory, not one bit.
    @Test(arguments: [DType.f32, .f64] + (GEMM.hasFastBFloat16 ? [.bf16] : []))
    func checkpointing(compute: DType) throws {
        for family in ["llama3", "qwen2"] {
            let golden = try ToyGolden(family)
            let model = try GoldenModel(family: family).model(compute: compute, trains: { _ in true })
            let kept = try run(model, golden), again = try run(model, golden, checkpointing: true)
            #expect(kept.loss == again.loss)
            let most = try #require(golden.ids.map(\.count).max())
            let mixed = try run(model, golden, checkpointing: true, spare: model.keptBytes(0, tokens: most))
            for (name, gradient) in kept.gradients {
                #expect(sameBits(gradient, again.gradients[name]!), "\(family), \(compute): \(name)")
                #expect(sameBits(gradient, mixed.gradients[name]!), "\(family), \(compute), one block kept: \(name)")
            }
        }
    }

    /// What is not trained has no gradient and does not change those of the rest.
    @Test func frozenWeights() throws {
        let golden = try ToyGolden("qwen2"), files = try GoldenModel(family: "qwen2")
        let all = try run(files.model(compute: .f64, trains: { _ in true }), golden)
        let some = try run(files.model(compute: .f64, trains: { $0.hasSuffix("v_proj.weight") || $0.hasSuffix("q_proj.bias") }), golden)
        #expect(some.gradients.count == 4)
        for (name, gradient) in some.gradients { #expect(sameBits(gradient, all.gradients[name]!), "\(name)") }
    }
}
