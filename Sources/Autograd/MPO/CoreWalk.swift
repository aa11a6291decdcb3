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
    let cache: PreparedWeight?

    init(_ layout: MPOLayout, order: CoreChain.Order, cache: PreparedWeight? = nil) {
        self.layout = layout
        self.order = order
        self.cache = cache
    }

    private var visits: [Int] { order == .leftToRight ? Array(0..<layout.cores) : (0..<layout.cores).reversed() }

    /// Core k as the matrix the state meets. Where the core's own order is that matrix or its transpose, as in all cores with one leg of 1 and in the
    /// first, nothing is moved: the product reads it either way.
    private struct CoreMatrix {
        /// Axes of the core in the order that makes `values`.
        let order: [Int]
        let isTransposed: Bool
        let moves: Bool
        let rows: Int
        let columns: Int
    }

    private func matrix(_ k: Int) -> CoreMatrix {
        let s = layout.coreShape(k), order = order == .leftToRight ? [2, 0, 1, 3] : [2, 3, 1, 0]
        let (rows, columns) = (s[order[0]] * s[order[1]], s[order[2]] * s[order[3]]), transposed = [order[2], order[3], order[0], order[1]]
        // Where values have to move, they go where a product of few rows reads them best.
        let isTransposed = moves((s, order))
        return CoreMatrix(
            order: isTransposed ? transposed : order, isTransposed: isTransposed, moves: isTransposed && moves((s, transposed)), rows: rows, columns: columns)
    }

    /// The values of all cores, each as its matrix or the transpose of it.
    private func values(_ cores: [Tensor], _ type: DType) -> [Tensor] {
        func make() -> [Tensor] {
            cores.indices.map { k in
                let m = matrix(k)
                return Permute.axes(Elementwise.convert(cores[k], to: type).reshaped(layout.coreShape(k)), m.order)
                    .reshaped(m.isTransposed ? [m.columns, m.rows] : [m.rows, m.columns])
            }
        }
        return cache?.tensors(type, make: make) ?? make()
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

    /// Writes y to `out` [T, out], or adds it; returns the state each core met, which the pullback needs. A product that is already in order goes
    /// straight to where it belongs, here and in the pullback: what is moved costs as much as a thin product.
    func forward(_ x: Tensor, cores: [Tensor], into out: Tensor, accumulate: Bool) -> [Tensor] {
        let T = x.rows, values = values(cores, x.dtype)
        var state = x, states: [Tensor] = []
        if let p = step(after: nil, tokens: T) { state = Permute.axes(state.reshaped(p.shape), p.order) }
        for (position, k) in visits.enumerated() {
            let m = matrix(k), a = values[k]
            state = state.reshaped([state.count / m.rows, m.rows])
            states.append(state)
            let p = step(after: k, tokens: T), isLast = position == layout.cores - 1
            if isLast, p.map({ !moves($0) }) ?? true {
                GEMM.multiply(state, a, transposeB: m.isTransposed, into: out.reshaped([state.rows, m.columns]), accumulate: accumulate)
                return states
            }
            let product = Tensor([state.rows, m.columns], x.dtype)
            GEMM.multiply(state, a, transposeB: m.isTransposed, into: product)
            state = p.map { Permute.axes(product.reshaped($0.shape), $0.order) } ?? product
        }
        Elementwise.add(state.reshaped([T, layout.rows]), into: out, accumulate: accumulate)
        return states
    }

    /// The walk backwards: at each core dS = dOut A^T and dA = S^T dOut.
    func pullback(_ dy: Tensor, cores: [Tensor], states: [Tensor]?, into cotangents: inout Cotangents) {
        let T = dy.rows, type = dy.dtype, values = values(cores, type)
        var d = dy
        for (position, k) in visits.enumerated().reversed() {
            if let p = step(after: k, tokens: T) { d = undo(p, d) }
            let m = matrix(k), a = values[k]
            d = d.reshaped([d.count / m.columns, m.columns])
            if let states, cotangents.wants(k + 1) {
                let state = states[position]
                func multiply(into dA: Tensor, accumulate: Bool) {
                    if m.isTransposed {
                        GEMM.multiply(d, transposeA: true, state, into: dA.reshaped([m.columns, m.rows]), accumulate: accumulate)
                    } else {
                        GEMM.multiply(state, transposeA: true, d, into: dA.reshaped([m.rows, m.columns]), accumulate: accumulate)
                    }
                }
                if m.moves {
                    let dA = Tensor([m.rows * m.columns], type.wide)
                    multiply(into: dA, accumulate: false)
                    cotangents.add(k + 1, undo((layout.coreShape(k), m.order), dA))
                } else {
                    cotangents.write(k + 1, multiply)
                }
            }
            guard position > 0 || cotangents.wants(0) else { return }
            if position == 0, step(after: nil, tokens: T).map({ !moves($0) }) ?? true {
                return cotangents.write(0) { dx, accumulate in
                    GEMM.multiply(d, a, transposeB: !m.isTransposed, into: dx.reshaped([d.rows, m.rows]), accumulate: accumulate)
                }
            }
            let dS = Tensor([d.rows, m.rows], type)
            GEMM.multiply(d, a, transposeB: !m.isTransposed, into: dS)
            d = dS
        }
        if let p = step(after: nil, tokens: T) { d = undo(p, d) }
        cotangents.add(0, d.reshaped([T, layout.columns]))
    }

    /// Whether a permutation moves anything: axes of length 1 may change places for nothing.
    private func moves(_ p: (shape: [Int], order: [Int])) -> Bool {
        let moved = p.order.filter { p.shape[$0] != 1 }
        return moved != moved.sorted()
    }

    private func inverse(_ order: [Int]) -> [Int] {
        var inverse = order
        for (a, b) in order.enumerated() { inverse[b] = a }
        return inverse
    }

    /// Takes a permutation back: `p` maps `p.shape` to the axes in `p.order`.
    private func undo(_ p: (shape: [Int], order: [Int]), _ x: Tensor) -> Tensor {
        Permute.axes(x.reshaped(p.order.map { p.shape[$0] }), inverse(p.order))
    }
}
