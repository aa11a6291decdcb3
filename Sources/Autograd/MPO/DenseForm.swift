import Foundation
import Kernels
import TensorTrain

/// The dense matrix of an MPO from its cores, and the cores' gradients from the dense matrix's.
///
/// With the chain cut after core m, cores 1..m multiply to L [P, r] and the others to R [r, Q], where P = o1 i1 .. om im and
/// Q = o(m+1) i(m+1) .. oN iN. Then M = L R holds W with its axes in the order o1 i1 o2 i2 .., and one permutation gives W [o, i].
/// Backwards, with dM the permuted dW:  dL = dM R^T,  dR = L^T dM,  and each product of the chain in turn.
/// docs/mpo.md has the derivation.
package struct DenseForm: Sendable {
    package let layout: MPOLayout
    private let cut: Int
    /// Axes of M that are longer than 1, and where each lies among W's.
    private let chainShape: [Int]
    private let chainOrderInDense: [Int]

    package init(_ layout: MPOLayout) {
        self.layout = layout
        cut = max(RebuildPath(layout).cut, 1)
        let n = layout.cores
        // Axis names in W: o1..oN = 0..<N, i1..iN = N..<2N. In M: o1, i1, o2, i2, ..
        let sizes = layout.outFactors + layout.inFactors
        let dense = (0..<2 * n).filter { sizes[$0] > 1 }
        let chain = (0..<n).flatMap { [$0, n + $0] }.filter { sizes[$0] > 1 }
        chainShape = chain.isEmpty ? [1] : chain.map { sizes[$0] }
        chainOrderInDense = chain.isEmpty ? [0] : dense.map { chain.firstIndex(of: $0)! }
    }

    private func matrix(_ core: Tensor, rows: Int) -> Tensor { core.reshaped([rows, core.count / max(rows, 1)]) }

    /// Left products L_1 .. L_m (L_k [o1 i1 .. ok ik, r_k]) and right ones R_(m+1) .. R_N (R_k [r(k-1), ok ik .. oN iN]), by core.
    private func sides(_ cores: [Tensor]) -> [Tensor] {
        var parts = cores
        let bonds = layout.bonds
        parts[0] = matrix(cores[0], rows: layout.products[0])
        for k in 1..<max(cut, 1) {
            let l = parts[k - 1], a = matrix(cores[k], rows: bonds[k])
            let out = Tensor([l.rows, a.rowCount], l.dtype)
            GEMM.multiply(l, a, into: out)
            parts[k] = out.reshaped([l.rows * layout.products[k], bonds[k + 1]])
        }
        guard cut < layout.cores else { return parts }
        let last = layout.cores - 1
        parts[last] = matrix(cores[last], rows: bonds[last])
        for k in stride(from: last - 1, through: cut, by: -1) {
            let r = parts[k + 1], a = matrix(cores[k], rows: bonds[k] * layout.products[k])
            let out = Tensor([a.rows, r.rowCount], r.dtype)
            GEMM.multiply(a, r, into: out)
            parts[k] = out.reshaped([bonds[k], layout.products[k] * r.rowCount])
        }
        return parts
    }

    /// How many values of o1 one piece of work takes: about `rows` rows of the product, in equal pieces, an even number of them where o1 allows it.
    private func pieces(rowsPerValue: Int, rows: Int) -> Int {
        let o1 = layout.outFactors[0], wanted = Double(o1 * rowsPerValue) / Double(rows)
        func distance(_ count: Int) -> Double { abs(log2(Double(count) / wanted)) + (count == 1 ? 2 : count % 2 == 1 ? 0.5 : 0) }
        let count = (1...o1).filter { o1 % $0 == 0 }.min { distance($0) < distance($1) }!
        return o1 / count
    }

    /// W [o, i] of type `type` from cores (wide). Each piece of work multiplies for some values of o1 and permutes while the numbers are in cache.
    package func dense(_ cores: [Tensor], type: DType) -> Tensor {
        let (o, i) = (layout.rows, layout.columns)
        if layout.cores == 1 { return Elementwise.convert(cores[0], to: type).reshaped([o, i]) }
        let parts = sides(cores.map { Elementwise.convert($0, to: type) })
        let l = parts[cut - 1], r = parts[cut], wide = type.wide
        let w = Tensor([o, i], type), o1 = layout.outFactors[0], q = r.rowCount, k = l.rowCount
        let rowsPerValue = l.rows / o1, step = pieces(rowsPerValue: rowsPerValue, rows: 192)
        let pl = Address(l.base), pr = Address(r.base), pw = Address(w.base)
        let shape = denseShape, strides = denseStrides, splits = o1 > 1
        Parallel.forBlocks(of: o1, block: step) { values in
            let scratch = Memory(byteCount: values.count * rowsPerValue * q * wide.size)
            GEMM.single(
                m: values.count * rowsPerValue, n: q, k: k, .init(pl.raw + values.lowerBound * rowsPerValue * k * type.size, stride: k),
                .init(pr.raw, stride: q), inputs: type, into: scratch.base, stride: q, output: wide)
            var part = shape
            if splits { part[0] = values.count }
            Permute.strided(
                shape: part, inStrides: strides, range: 0..<part[0], from: scratch.base, wide,
                to: pw.raw + values.lowerBound * (o / o1) * i * type.size, type)
        }
        return w
    }

    /// dM [P, Q] of `dy`'s type from dW = dy^T x, where dy [T, o], x [T, i]; dW itself never exists as a whole.
    package func chainGradient(dy: Tensor, x: Tensor) -> Tensor {
        let (o, i) = (layout.rows, layout.columns), type = dy.dtype, wide = type.wide, T = dy.rows
        let out = Tensor([o, i], type), o1 = layout.outFactors[0], perValue = o / o1
        let step = pieces(rowsPerValue: perValue, rows: 320)
        let pdy = Address(dy.base), px = Address(x.base), pm = Address(out.base)
        let shape = chainShape, strides = chainStrides, splits = o1 > 1
        Parallel.forBlocks(of: o1, block: step) { values in
            let scratch = Memory(byteCount: values.count * perValue * i * wide.size)
            GEMM.single(
                m: values.count * perValue, n: i, k: T, .init(pdy.raw + values.lowerBound * perValue * type.size, stride: o, transposed: true),
                .init(px.raw, stride: i), inputs: type, into: scratch.base, stride: i, output: wide)
            var part = shape
            if splits { part[0] = values.count }
            Permute.strided(
                shape: part, inStrides: strides, range: 0..<part[0], from: scratch.base, wide,
                to: pm.raw + values.lowerBound * perValue * i * type.size, type)
        }
        return out
    }

    /// Adds the cores' gradients, given dM (any shape with o i elements, axes o1 i1 o2 i2 ..), to the inputs `first`, `first + 1`, ..
    package func project(_ dM: Tensor, cores: [Tensor], first: Int, into cotangents: inout Cotangents) {
        let type = dM.dtype, n = layout.cores, bonds = layout.bonds
        precondition(n > 1, "a single core is the matrix: its gradient needs no projection")
        let low = cores.map { Elementwise.convert($0, to: type) }
        let parts = sides(low)
        let l = parts[cut - 1], r = parts[cut]
        let m = dM.reshaped([l.rows, r.rowCount])

        // Left side: dL_k, then dA_k = L_(k-1)^T dL_k and dL_(k-1) = dL_k A_k^T.
        if (0..<cut).contains(where: { cotangents.wants(first + $0) }) {
            var k = cut - 1
            if k == 0 {
                cotangents.write(first) { target, accumulate in
                    GEMM.multiply(m, r, transposeB: true, into: target.reshaped(l.shape), accumulate: accumulate)
                }
            } else {
                var dL = Tensor(l.shape, type)
                GEMM.multiply(m, r, transposeB: true, into: dL)
                while k > 0 {
                    let a = matrix(low[k], rows: bonds[k]), previous = parts[k - 1]
                    let d = dL.reshaped([previous.rows, a.rowCount])
                    cotangents.write(first + k) { target, accumulate in
                        GEMM.multiply(previous, transposeA: true, d, into: target.reshaped(a.shape), accumulate: accumulate)
                    }
                    if k == 1 {
                        cotangents.write(first) { target, accumulate in
                            GEMM.multiply(d, a, transposeB: true, into: target.reshaped(previous.shape), accumulate: accumulate)
                        }
                    } else {
                        dL = Tensor(previous.shape, type)
                        GEMM.multiply(d, a, transposeB: true, into: dL)
                    }
                    k -= 1
                }
            }
        }

        // Right side: dR_k, then dA_k = dR_k R_(k+1)^T and dR_(k+1) = A_k^T dR_k.
        if (cut..<n).contains(where: { cotangents.wants(first + $0) }) {
            if cut == n - 1 {
                cotangents.write(first + cut) { target, accumulate in
                    GEMM.multiply(l, transposeA: true, m, into: target.reshaped(r.shape), accumulate: accumulate)
                }
            } else {
                var dR = Tensor(r.shape, type)
                GEMM.multiply(l, transposeA: true, m, into: dR)
                for k in cut..<n - 1 {
                    let a = matrix(low[k], rows: bonds[k] * layout.products[k]), next = parts[k + 1]
                    let d = dR.reshaped([a.rows, next.rowCount])
                    cotangents.write(first + k) { target, accumulate in
                        GEMM.multiply(d, next, transposeB: true, into: target.reshaped(a.shape), accumulate: accumulate)
                    }
                    if k == n - 2 {
                        cotangents.write(first + k + 1) { target, accumulate in
                            GEMM.multiply(a, transposeA: true, d, into: target.reshaped(next.shape), accumulate: accumulate)
                        }
                    } else {
                        dR = Tensor(next.shape, type)
                        GEMM.multiply(a, transposeA: true, d, into: dR)
                    }
                }
            }
        }
    }

    private var denseShape: [Int] { chainOrderInDense.map { chainShape[$0] } }
    /// For each axis of W, its stride in M.
    private var denseStrides: [Int] {
        let s = Self.strides(chainShape)
        return chainOrderInDense.map { s[$0] }
    }
    /// For each axis of M, its stride in W.
    private var chainStrides: [Int] {
        let s = Self.strides(denseShape)
        return chainOrderInDense.indices.map { axis in s[chainOrderInDense.firstIndex(of: axis)!] }
    }
    private static func strides(_ shape: [Int]) -> [Int] {
        var s = [Int](repeating: 1, count: shape.count)
        for a in stride(from: shape.count - 2, through: 0, by: -1) { s[a] = s[a + 1] * shape[a + 1] }
        return s
    }
}
