import Kernels

/// How large what lies to the left and to the right of each bond is, one number a bond index.
///
/// With L_k [o1 i1 .. o_k i_k, r_k] the product of the first k cores and R_k [r_k, o_(k+1) i_(k+1) .. oN iN] that of the others, W in core order is
/// L_k R_k: the sum over j of L_k's column j times R_k's row j.
package struct BondNorms: Sendable {
    /// left[k][j]: the squared norm of column j of L_k, for bonds k = 0..<N; bond 0 has [1].
    package let left: [[Double]]
    /// right[k][j]: the squared norm of row j of R_k, for bonds k = 1...N; bond N has [1].
    package let right: [[Double]]

    /// The norms of a chain; two cores are read once, more cores take Gram matrices of the bonds between.
    ///
    /// - Parameter cores: core k, row-major [r(k-1), o_k, i_k, r_k].
    package init(_ layout: MPOLayout, cores: [UnsafeBufferPointer<Float>]) {
        precondition(cores.count == layout.cores, "\(cores.count) cores for \(layout)")
        for k in cores.indices { precondition(cores[k].count == layout.coreCount(k), "core \(k) of \(layout): \(cores[k].count) values") }
        let n = layout.cores, bonds = layout.bonds, products = layout.products
        var left = [[1.0]], right = [[1.0]]
        if n > 1 {
            left.append(Self.columns(cores[0], rows: products[0]))
            right.append(Self.rows(cores[n - 1], rows: bonds[n - 1]))
        }
        if n > 2 {
            let inner = (1..<n - 1).map { core in Self.wide(cores[core]) }
            var gram = Self.gram(Self.wide(cores[0]), rows: products[0], ofColumns: true)
            for k in 1..<n - 1 {
                let core = inner[k - 1], a = bonds[k], b = bonds[k + 1], rows = a * products[k]
                let weighted = LinearAlgebra.product(m: a, n: products[k] * b, k: a, gram, core)
                left.append(Self.columns(ofProduct: core, weighted, rows: rows))
                if k < n - 2 { gram = LinearAlgebra.product(transposeA: true, m: b, n: b, k: rows, core, weighted) }
            }
            gram = Self.gram(Self.wide(cores[n - 1]), rows: bonds[n - 1], ofColumns: false)
            for k in (1..<n - 1).reversed() {
                let core = inner[k - 1], a = bonds[k], b = bonds[k + 1], columns = products[k] * b
                let weighted = LinearAlgebra.product(m: a * products[k], n: b, k: b, core, gram)
                right.append(Self.rows(ofProduct: core, weighted, rows: a))
                if k > 1 { gram = LinearAlgebra.product(transposeB: true, m: a, n: a, k: columns, weighted, core) }
            }
        }
        self.left = left + [[]]
        self.right = [[]] + right.reversed()
    }

    private static func wide(_ values: UnsafeBufferPointer<Float>) -> [Double] {
        [Double](unsafeUninitializedCapacity: values.count) { room, count in
            Float.widen(values.baseAddress!, to: room.baseAddress!, count: values.count)
            count = values.count
        }
    }

    /// A^T A or A A^T of A with that many rows.
    private static func gram(_ a: [Double], rows: Int, ofColumns: Bool) -> [Double] {
        let columns = a.count / rows
        return ofColumns
            ? LinearAlgebra.product(transposeA: true, m: columns, n: columns, k: rows, a, a)
            : LinearAlgebra.product(transposeB: true, m: rows, n: rows, k: columns, a, a)
    }

    private static func columns(_ a: UnsafeBufferPointer<Float>, rows: Int) -> [Double] {
        let width = a.count / rows
        var sums = [Double](repeating: 0, count: width)
        sums.withUnsafeMutableBufferPointer { sums in
            for row in 0..<rows {
                let line = a.baseAddress! + row * width
                for j in 0..<width { sums[j] += Double(line[j]) * Double(line[j]) }
            }
        }
        return sums
    }

    private static func rows(_ a: UnsafeBufferPointer<Float>, rows: Int) -> [Double] {
        let width = a.count / rows
        return (0..<rows).map { Float.sumOfSquares(UnsafeBufferPointer(rebasing: a[$0 * width..<($0 + 1) * width])) }
    }

    private static func columns(ofProduct a: [Double], _ b: [Double], rows: Int) -> [Double] {
        let width = a.count / rows
        var sums = [Double](repeating: 0, count: width)
        for row in 0..<rows { for j in 0..<width { sums[j] += a[row * width + j] * b[row * width + j] } }
        return sums
    }

    private static func rows(ofProduct a: [Double], _ b: [Double], rows: Int) -> [Double] {
        let width = a.count / rows
        return a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                (0..<rows).map { Double.dot(a.baseAddress! + $0 * width, b.baseAddress! + $0 * width, count: width) }
            }
        }
    }
}
