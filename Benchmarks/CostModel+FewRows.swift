import Autograd
import Kernels
import TensorTrain

extension CostModel {
    /// The model of products of a few rows, as in generation: matrices are read from memory, each once a pass.
    ///
    /// - Parameter rows: of every product, 1 for one token.
    static func measured(_ type: DType, rows: Int) -> CostModel {
        // More than caches hold, so that a matrix is gone when its turn comes again.
        let memory = Tensor.zeros([64 << 20], type), x = Tensor.zeros([rows * 4096], type), y = Tensor([rows * 4096], type)
        let products = [(256, 576), (576, 256), (576, 576), (1536, 576), (576, 1536), (1024, 1024), (512, 4096), (2048, 2048), (4096, 1024)].map { n, k in
            var next = 0
            return (
                shape: GEMMShape(m: rows, n: n, k: k),
                seconds: best {
                    if next + n * k > memory.count { next = 0 }
                    let w = memory.slice(next..<next + n * k).reshaped([n, k])
                    next += n * k
                    GEMM.multiply(x.slice(0..<rows * k).reshaped([rows, k]), w, transposeB: true, into: y.slice(0..<rows * n).reshaped([rows, n]))
                }
            )
        }
        return fitted(to: products, moved: 0)
    }
}
