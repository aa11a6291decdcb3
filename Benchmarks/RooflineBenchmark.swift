import ArgumentParser
import Kernels

/// The fastest product this machine does: what every other figure is compared with.
struct RooflineBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "roofline", abstract: "Best matrix product rate in fp32 and bf16.")
    @OptionGroup var options: CommonOptions

    func run() {
        options.apply()
        for type in [DType.f32, .bf16] where type == .f32 || GEMM.hasFastBFloat16 {
            var best = 0.0
            for (m, n, k) in [(2048, 1536, 576), (2048, 576, 1536), (2048, 2048, 2048), (2048, 4096, 4096)] {
                let rate = Self.rate(m: m, n: n, k: k, type: type, repetitions: options.repetitions)
                best = max(best, rate.gflops)
                Row(name: "gemm \(type) \(m) x \(n) x \(k)", rate.timing, figures: [("gflops", rate.gflops, "GFLOP/s")]).show(json: options.json)
            }
            Row(name: "roofline \(type)", seconds: 0, figures: [("gflops", best, "GFLOP/s")]).show(json: options.json)
        }
    }

    /// Y[m,n] = X[m,k] W[n,k]^T, the shape of a linear layer.
    static func rate(m: Int, n: Int, k: Int, type: DType, repetitions: Int) -> (timing: Timing, gflops: Double) {
        let x = Tensor.noise([m, k], type), w = Tensor.noise([n, k], type), y = Tensor([m, n], type)
        let timing = measure(repetitions) { GEMM.multiply(x, w, transposeB: true, into: y) }
        return (timing, 2 * Double(m) * Double(n) * Double(k) / timing.seconds / 1e9)
    }
}

extension Tensor {
    /// Reproducible numbers around zero: products of zeros or denormals would time something else.
    static func noise(_ shape: [Int], _ type: DType, scale: Float = 0.1) -> Tensor {
        var state: UInt64 = 42
        let values = (0..<shape.reduce(1, *)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 40) / Float(1 << 24) - 0.5) * 2 * scale
        }
        return Elementwise.convert(Tensor(values, shape), to: type)
    }
}
