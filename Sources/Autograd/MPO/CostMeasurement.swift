import Kernels
import TensorTrain

extension CostModel {
    /// The model of this machine, now, with the threads in use: products and a permutation are timed, the best of a few runs each.
    /// Takes about a second.
    package static func measured(_ type: DType) -> CostModel {
        // Large ones; one side short, each of the three; all short; one row. Gradients of weights sum over tokens, the longest side,
        // and take both factors with the tokens in front.
        let shapes = [
            (2048, 1024, 1024), (1024, 1024, 2048), (1024, 1024, 64), (2048, 64, 1024), (64, 1024, 1024), (2048, 256, 512), (2048, 512, 128),
            (256, 512, 2048), (64, 512, 2048), (16384, 64, 48), (64, 64, 64), (512, 512, 512), (1, 1024, 1024),
        ].map { GEMMShape(m: $0.0, n: $0.1, k: $0.2) }
        let products = shapes.map { shape in
            let (m, n, k) = (shape.m, shape.n, shape.k), c = Tensor([m, n], type)
            if k > max(m, n) {
                let a = Tensor.zeros([k, m], type), b = Tensor.zeros([k, n], type)
                return (shape: shape, seconds: best { GEMM.multiply(a, transposeA: true, b, into: c) })
            }
            let a = Tensor.zeros([m, k], type), b = Tensor.zeros([n, k], type)
            return (shape: shape, seconds: best { GEMM.multiply(a, b, transposeB: true, into: c) })
        }
        let matrix = Tensor.zeros([32, 32, 32, 32], type)
        let permutation = best { _ = Permute.axes(matrix, [0, 2, 1, 3]) }
        return fitted(to: products, moved: permutation / Double(2 * matrix.count))
    }

    /// Seconds of the quickest of a few runs; short ones are repeated more often.
    package static func best(_ run: () -> Void) -> Double {
        run()
        var best = Double.infinity, spent = 0.0, count = 0
        while count < 3 || (spent < 0.02 && count < 50) {
            let start = ContinuousClock.now
            run()
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            best = min(best, seconds)
            spent += seconds
            count += 1
        }
        return best
    }
}
