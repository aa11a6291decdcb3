import Kernels

extension MPO {
    /// y = x W^T: for x row-major [tokens, i] the result is row-major [tokens, o].
    package func apply(_ x: [Scalar], tokens: Int, plan: ContractionPlan = .rebuild) -> [Scalar] {
        precondition(x.count == tokens * layout.columns, "\(x.count) inputs for \(tokens) tokens of \(layout)")
        switch plan {
        case .rebuild:
            return LinearAlgebra.product(
                transposeB: true, m: tokens, n: layout.rows, k: layout.columns, x, dense())
        case .coreByCore(let order):
            return states(x, CoreChain(layout, order: order, tokens: tokens)).last!
        }
    }

    /// The gradients of a loss with respect to x [tokens, i] and to each core, given that with respect to y [tokens, o].
    package func pullback(
        _ x: [Scalar], outputGradient: [Scalar], tokens: Int, plan: ContractionPlan = .rebuild
    ) -> (input: [Scalar], cores: [[Scalar]]) {
        precondition(
            x.count == tokens * layout.columns && outputGradient.count == tokens * layout.rows,
            "\(x.count) inputs and \(outputGradient.count) gradients for \(tokens) tokens of \(layout)")
        switch plan {
        case .rebuild:
            let input = LinearAlgebra.product(
                m: tokens, n: layout.columns, k: layout.rows, outputGradient, dense())
            let dense = LinearAlgebra.product(
                transposeA: true, m: layout.rows, n: layout.columns, k: tokens, outputGradient, x)
            return (input, projected(denseGradient: dense))
        case .coreByCore(let order):
            let chain = CoreChain(layout, order: order, tokens: tokens)
            let states = states(x, chain)
            var gradient = outputGradient
            var result = [[Scalar]](repeating: [], count: cores.count)
            for (index, step) in chain.steps.enumerated().reversed() {
                let order = chain.matrixOrder
                let shape = cores[step.core].shape
                let matrix = AxisPermutation(shape: shape, order: order)(cores[step.core].values)
                let product = ChainProduct(step: step, matrix: matrix)
                let core = product.coreGradient(of: gradient, at: states[index])
                result[step.core] = AxisPermutation(shape: order.map { shape[$0] }, order: chain.inverseOrder)(core)
                gradient = product.inputGradient(of: gradient)
            }
            return (gradient, result)
        }
    }

    /// The states before each step, and the result.
    private func states(_ x: [Scalar], _ chain: CoreChain) -> [[Scalar]] {
        var states = [x]
        for step in chain.steps {
            let core = cores[step.core]
            let matrix = AxisPermutation(shape: core.shape, order: chain.matrixOrder)(core.values)
            states.append(ChainProduct(step: step, matrix: matrix).forward(states.last!))
        }
        return states
    }
}

extension CoreChain {
    /// The order of a core's axes [left, out, in, right] that makes it the step's matrix [outer, inner]. From the right it
    /// is the stored order.
    var matrixOrder: [Int] { order == .leftToRight ? [1, 3, 0, 2] : [0, 1, 2, 3] }
    /// Back from there.
    var inverseOrder: [Int] { order == .leftToRight ? [2, 0, 3, 1] : [0, 1, 2, 3] }
}

/// One step's arithmetic.
private struct ChainProduct<Scalar: LinearAlgebraScalar> {
    let step: CoreChain.Step
    /// [outer, inner].
    let matrix: [Scalar]

    /// [batch, inner, rest] to [batch, outer, rest].
    func forward(_ state: [Scalar]) -> [Scalar] {
        contract(state, from: step.inner, to: step.outer, transposed: false)
    }

    /// [batch, outer, rest] to [batch, inner, rest].
    func inputGradient(of gradient: [Scalar]) -> [Scalar] {
        contract(gradient, from: step.outer, to: step.inner, transposed: true)
    }

    private func contract(_ state: [Scalar], from: Int, to: Int, transposed: Bool) -> [Scalar] {
        switch step.form {
        case .single:
            return LinearAlgebra.product(transposeB: !transposed, m: step.batch, n: to, k: from, state, matrix)
        case .turned:
            let turned = turn(state, from)
            let product = LinearAlgebra.product(
                transposeB: !transposed, m: step.batch * step.rest, n: to, k: from, turned, matrix)
            return AxisPermutation(shape: [step.batch, step.rest, to], order: [0, 2, 1])(product)
        case .batched:
            return [Scalar](unsafeUninitializedCapacity: step.batch * to * step.rest) { room, count in
                state.withUnsafeBufferPointer { state in
                    for index in 0..<step.batch {
                        LinearAlgebra.gemm(
                            transposeA: transposed, m: to, n: step.rest, k: from, matrix,
                            state.baseAddress! + index * from * step.rest,
                            room.baseAddress! + index * to * step.rest)
                    }
                }
                count = step.batch * to * step.rest
            }
        }
    }

    /// [outer, inner], summed over the batch and the rest.
    func coreGradient(of gradient: [Scalar], at state: [Scalar]) -> [Scalar] {
        switch step.form {
        case .single:
            return LinearAlgebra.product(
                transposeA: true, m: step.outer, n: step.inner, k: step.batch, gradient, state)
        case .turned:
            return LinearAlgebra.product(
                transposeA: true, m: step.outer, n: step.inner, k: step.batch * step.rest,
                turn(gradient, step.outer), turn(state, step.inner))
        case .batched:
            var sum = [Scalar](repeating: 0, count: step.outer * step.inner)
            gradient.withUnsafeBufferPointer { gradient in
                state.withUnsafeBufferPointer { state in
                    for index in 0..<step.batch {
                        LinearAlgebra.gemm(
                            transposeB: true, m: step.outer, n: step.inner, k: step.rest,
                            gradient.baseAddress! + index * step.outer * step.rest,
                            state.baseAddress! + index * step.inner * step.rest, beta: 1, &sum)
                    }
                }
            }
            return sum
        }
    }

    private func turn(_ state: [Scalar], _ middle: Int) -> [Scalar] {
        AxisPermutation(shape: [step.batch, middle, step.rest], order: [0, 2, 1])(state)
    }
}
