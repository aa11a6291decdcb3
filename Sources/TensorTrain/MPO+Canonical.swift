import Kernels

extension MPO {
    /// The same operator with cores 1..N-1 left-isometric: sum over left, o, i of A[left, o, i, b] A[left, o, i, b'] is
    /// the identity. The last core carries the norm. Bonds may shrink to what the left factors span.
    package func leftCanonical() throws(TensorTrainError) -> MPO { try canonical(center: layout.cores - 1) }

    /// The same operator with cores 2..N right-isometric; the first core carries the norm.
    package func rightCanonical() throws(TensorTrainError) -> MPO { try canonical(center: 0) }

    /// The same operator with the cores left of `center` (counted from zero) left-isometric and those right of it
    /// right-isometric. The centre carries the norm.
    package func canonical(center: Int) throws(TensorTrainError) -> MPO {
        guard layout.cores > center, center >= 0 else {
            throw .outOfRange("a centre at core \(center) of \(layout.cores)")
        }
        var values = values
        var bonds = layout.bonds
        for index in 0..<center {
            let own = layout.products[index]
            let rows = bonds[index] * own
            let qr = try wrapping { () throws(LinearAlgebraError) in
                try LinearAlgebra.qr(values[index], rows: rows, columns: bonds[index + 1])
            }
            let columns = layout.products[index + 1] * bonds[index + 2]
            values[index] = qr.left
            values[index + 1] = Threaded.product(
                m: qr.rank, n: columns, k: bonds[index + 1], qr.right, values[index + 1])
            bonds[index + 1] = qr.rank
        }
        for index in (center + 1..<max(layout.cores, center + 1)).reversed() {
            let columns = layout.products[index] * bonds[index + 1]
            let lq = try wrapping { () throws(LinearAlgebraError) in
                try LinearAlgebra.lq(values[index], rows: bonds[index], columns: columns)
            }
            let rows = bonds[index - 1] * layout.products[index - 1]
            values[index] = lq.right
            values[index - 1] = Threaded.product(
                m: rows, n: lq.rank, k: bonds[index], values[index - 1], lq.left)
            bonds[index] = lq.rank
        }
        return MPO(trusted: layout.with(bonds: bonds), values)
    }
}
