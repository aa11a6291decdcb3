import Autograd
import Kernels
import Models
import TensorTrain

/// The products that a model's block matrices are multiplied in, by their share of the work, and how fast this machine does them.
package struct ProductMix: Sendable, Equatable {
    package struct Product: Sendable, Hashable {
        /// C [m, n], a sum over k terms.
        package var m: Int
        package var n: Int
        package var k: Int
        /// Which operands lie transposed: B for the forward product, neither for the gradient of the input, A for that of the matrix.
        package var transposesA = false
        package var transposesB = false
    }

    /// With the floating-point operations that the model spends in products like it.
    package let products: [(product: Product, operations: Double)]

    /// Sides that are timed: more rows, columns or tokens run at the same speed, and take longer to time.
    private static let (rowLimit, columnLimit, tokenLimit) = (256, 1024, 1024)

    /// - Parameters:
    ///   - tokens: that go through the model at once.
    ///   - training: whether matrices and inputs have gradients, too.
    package init(_ model: LlamaConfiguration, tokens: Int, training: Bool) {
        var found: [(product: Product, operations: Double)] = []
        func add(_ m: Int, _ n: Int, _ k: Int, _ transposesA: Bool, _ transposesB: Bool) {
            let product = Product(
                m: min(m, Self.rowLimit), n: min(n, Self.columnLimit), k: transposesA ? min(k, Self.tokenLimit) : k, transposesA: transposesA, transposesB: transposesB)
            let operations = 2 * Double(m) * Double(n) * Double(k)
            if let place = found.firstIndex(where: { $0.product == product }) { found[place].operations += operations } else { found.append((product, operations)) }
        }
        // All blocks are alike.
        for (_, out, input) in LlamaNames.matrixShapes(model).prefix(LlamaNames.matrices.count) {
            add(tokens, out, input, false, true)
            guard training else { continue }
            add(tokens, input, out, false, false)
            add(out, input, tokens, true, false)
        }
        products = found
    }

    /// Operations a second over the whole mix, with the threads in use. Takes a few tenths of a second.
    package func speed(_ type: DType) -> Double {
        var seconds = 0.0, operations = 0.0
        for (product, share) in products {
            let (m, n, k) = (product.m, product.n, product.k)
            let a = Tensor.zeros(product.transposesA ? [k, m] : [m, k], type), b = Tensor.zeros(product.transposesB ? [n, k] : [k, n], type), c = Tensor([m, n], type)
            let once = CostModel.best { GEMM.multiply(a, transposeA: product.transposesA, b, transposeB: product.transposesB, into: c) }
            operations += share
            seconds += share * once / (2 * Double(m) * Double(n) * Double(k))
        }
        return seconds > 0 ? operations / seconds : 0
    }

    package static func == (a: ProductMix, b: ProductMix) -> Bool {
        a.products.elementsEqual(b.products) { $0.product == $1.product && $0.operations == $1.operations }
    }

    /// What tells one mix from another.
    var text: String {
        products.map { "\($0.product.m) \($0.product.n) \($0.product.k) \($0.product.transposesA) \($0.product.transposesB) \($0.operations)" }.joined(separator: "; ")
    }
}
