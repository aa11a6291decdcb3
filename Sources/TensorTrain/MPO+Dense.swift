import Kernels

extension MPO {
    /// W, row-major [o, i]: a chain of products along ``RebuildPath``, then one permutation.
    package func dense() -> [Scalar] { layout.coresToMatrix(denseInCoreOrder()) }

    /// W with its axes in the order of the cores, [o1, i1, o2, i2, .., oN, iN].
    package func denseInCoreOrder() -> [Scalar] {
        let sides = sides(cut: RebuildPath(layout).cut)
        guard let left = sides.lefts.last, let right = sides.rights.last else { return cores[0].values }
        let bond = layout.bonds[sides.lefts.count]
        return LinearAlgebra.product(m: left.count / bond, n: right.count / bond, k: bond, left, right)
    }

    /// The partial products on both sides of a cut.
    struct Sides {
        /// `lefts[k]` is the product of cores 0...k, [o1 i1..ok ik, r_k].
        var lefts: [[Scalar]]
        /// `rights[j]` is the product of the last j + 1 cores, [r, ..oN iN].
        var rights: [[Scalar]]
    }

    /// The products of cores 0..<cut from the left and of the others from the right; none for cut 0.
    func sides(cut: Int) -> Sides {
        if cut == 0 { return Sides(lefts: [], rights: []) }
        var lefts = [cores[0].values]
        for core in cores[1..<cut] {
            let rows = lefts.last!.count / core.left
            lefts.append(LinearAlgebra.product(m: rows, n: core.rightColumns, k: core.left, lefts.last!, core.values))
        }
        var rights = [cores[cores.count - 1].values]
        for core in cores[cut..<cores.count - 1].reversed() {
            let columns = rights.last!.count / core.right
            rights.append(
                LinearAlgebra.product(m: core.leftRows, n: columns, k: core.right, core.values, rights.last!))
        }
        return Sides(lefts: lefts, rights: rights)
    }

    /// The gradient with respect to each core, given that with respect to the dense matrix, dW row-major [o, i].
    ///
    /// dA_k[a, o, i, b] = sum over everything else of left[(..), a] dW[..] right[b, (..)]: with M = dW in core order,
    /// dL = M R^T and dR = L^T M at the cut, and from there one product each way per core:
    /// dA_k = L(k-1)^T dL_k, dL(k-1) = dL_k A_k^T, and the mirror image on the right.
    package func projected(denseGradient gradient: [Scalar]) -> [[Scalar]] {
        precondition(gradient.count == layout.denseCount, "\(gradient.count) gradients for \(layout)")
        let dense = layout.matrixToCores(gradient)
        let cut = RebuildPath(layout).cut
        if cut == 0 { return [dense] }
        let sides = sides(cut: cut)
        let bond = layout.bonds[cut]
        let rows = sides.lefts.last!.count / bond
        let columns = sides.rights.last!.count / bond
        var result = [[Scalar]](repeating: [], count: cores.count)

        var left = LinearAlgebra.product(transposeB: true, m: rows, n: bond, k: columns, dense, sides.rights.last!)
        for index in (1..<cut).reversed() {
            let core = cores[index]
            let before = sides.lefts[index - 1]
            let rows = before.count / core.left
            result[index] = LinearAlgebra.product(
                transposeA: true, m: core.left, n: core.rightColumns, k: rows, before, left)
            left = LinearAlgebra.product(
                transposeB: true, m: rows, n: core.left, k: core.rightColumns, left, core.values)
        }
        result[0] = left

        var right = LinearAlgebra.product(transposeA: true, m: bond, n: columns, k: rows, sides.lefts.last!, dense)
        for index in cut..<cores.count - 1 {
            let core = cores[index]
            let after = sides.rights[cores.count - 2 - index]
            let columns = after.count / core.right
            result[index] = LinearAlgebra.product(
                transposeB: true, m: core.leftRows, n: core.right, k: columns, right, after)
            right = LinearAlgebra.product(
                transposeA: true, m: core.right, n: columns, k: core.leftRows, core.values, right)
        }
        result[cores.count - 1] = right
        return result
    }
}
