import Kernels
import TensorTrain

/// x carried through the cores one by one; no dense matrix exists.
///
/// From the left, the state before core k is S [T o1..o(k-1), i(k+1)..iN, (i_k r(k-1))]; it meets the core as a matrix [(i_k r(k-1)), (o_k r_k)].
/// From the right it is S [T, i1..i(k-1), o(k+1)..oN, (i_k r_k)] and the core is [(i_k r_k), (o_k r(k-1))]. Between two cores one permutation
/// brings the next pair of contracted axes to the end; the bond stays the fastest axis, so that it moves in runs.
struct CoreWalk {
    let layout: MPOLayout
    let order: CoreChain.Order

    init(_ layout: MPOLayout, order: CoreChain.Order) {
        self.layout = layout
        self.order = order
    }

    private var visits: [Int] { order == .leftToRight ? Array(0..<layout.cores) : (0..<layout.cores).reversed() }

    /// Core k as the matrix the state meets, and the order of axes that makes it.
    private func matrixOrder() -> [Int] { order == .leftToRight ? [2, 0, 1, 3] : [2, 3, 1, 0] }

    private func matrix(_ core: Tensor, _ k: Int) -> Tensor {
        let s = layout.coreShape(k)
        let m = Permute.axes(core.reshaped(s), matrixOrder())
        return m.reshaped(order == .leftToRight ? [s[0] * s[2], s[1] * s[3]] : [s[2] * s[3], s[0] * s[1]])
    }

    /// Shape and axis order of the permutation that follows core k, or of the first one (`k` nil), for T rows.
    private func step(after k: Int?, tokens T: Int) -> (shape: [Int], order: [Int])? {
        let o = layout.outFactors, i = layout.inFactors, r = layout.bonds, n = layout.cores
        switch order {
        case .leftToRight:
            guard let k else { return ([T, i[0], i[1...].reduce(1, *)], [0, 2, 1]) }
            guard k < n - 1 else { return nil }
            let done = T * o[..<k].reduce(1, *), rest = i[(k + 2)...].reduce(1, *)
            // [T done, i(k+1), rest, o_k, r_k] -> [T done, o_k, rest, i(k+1), r_k]
            return ([done, i[k + 1], rest, o[k], r[k + 1]], [0, 3, 2, 1, 4])
        case .rightToLeft:
            guard let k else { return nil }
            let done = o[(k + 1)...].reduce(1, *)
            guard k > 0 else { return ([T, done, o[0]], [0, 2, 1]) }
            let rest = i[..<(k - 1)].reduce(1, *)
            // [T, rest, i(k-1), done, o_k, r(k-1)] -> [T, rest, o_k, done, i(k-1), r(k-1)]
            return ([T, rest, i[k - 1], done, o[k], r[k]], [0, 1, 4, 3, 2, 5])
        }
    }

    /// y [T, out] and the state each core met, which the pullback needs.
    func forward(_ x: Tensor, cores: [Tensor]) -> (y: Tensor, states: [Tensor]) {
        let T = x.rows
        var state = x, states: [Tensor] = []
        if let p = step(after: nil, tokens: T) { state = Permute.axes(state.reshaped(p.shape), p.order) }
        for k in visits {
            let a = matrix(Elementwise.convert(cores[k], to: x.dtype), k)
            state = state.reshaped([state.count / a.rows, a.rows])
            states.append(state)
            let out = Tensor([state.rows, a.rowCount], x.dtype)
            GEMM.multiply(state, a, into: out)
            state = out
            if let p = step(after: k, tokens: T) { state = Permute.axes(state.reshaped(p.shape), p.order) }
        }
        return (state.reshaped([T, layout.rows]), states)
    }

    /// The walk backwards: at each core dS = dOut A^T and dA = S^T dOut.
    func pullback(_ dy: Tensor, cores: [Tensor], states: [Tensor]?, into cotangents: inout Cotangents) {
        let T = dy.rows, type = dy.dtype
        var d = dy
        for (position, k) in visits.enumerated().reversed() {
            if let p = step(after: k, tokens: T) { d = undo(p, d) }
            let a = matrix(Elementwise.convert(cores[k], to: type), k)
            d = d.reshaped([d.count / a.rowCount, a.rowCount])
            if let states, cotangents.wants(k + 1) {
                let dA = Tensor(a.shape, type.wide)
                GEMM.multiply(states[position], transposeA: true, d, into: dA)
                let s = layout.coreShape(k), o = matrixOrder()
                cotangents.add(k + 1, undo((o.map { s[$0] }, inverse(o)), dA, permuteForward: true))
            }
            let needsMore = position > 0 || cotangents.wants(0)
            guard needsMore else { return }
            let dS = Tensor([d.rows, a.rows], type)
            GEMM.multiply(d, a, transposeB: true, into: dS)
            d = dS
        }
        if let p = step(after: nil, tokens: T) { d = undo(p, d) }
        cotangents.add(0, d.reshaped([T, layout.columns]))
    }

    private func inverse(_ order: [Int]) -> [Int] {
        var inverse = order
        for (a, b) in order.enumerated() { inverse[b] = a }
        return inverse
    }

    /// Takes a permutation back: `p` maps `p.shape` to the axes in `p.order`.
    private func undo(_ p: (shape: [Int], order: [Int]), _ x: Tensor, permuteForward: Bool = false) -> Tensor {
        if permuteForward { return Permute.axes(x.reshaped(p.shape), p.order) }
        return Permute.axes(x.reshaped(p.order.map { p.shape[$0] }), inverse(p.order))
    }
}
