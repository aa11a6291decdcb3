/// The order in which cores are multiplied to rebuild the dense matrix, and its products.
///
/// Cores 1..m are multiplied from the left into L [o1 i1..om im, r_m], cores m+1..N from the right into
/// R [r_m, o(m+1) i(m+1)..], and one product L R gives W in the order of the cores. No product before the last needs
/// more than a part of the dense matrix, and no axis is moved until the end.
package struct RebuildPath: Equatable, Sendable {
    /// m, the number of cores on the left side; 0 for a single core, which is the matrix already.
    package let cut: Int
    /// The products of the left side in order, then those of the right side in order, then L R.
    package let products: [GEMMShape]

    /// The cheapest cut by floating-point operations; of equal ones the first.
    package init(_ layout: MPOLayout) {
        var best = RebuildPath(layout, cut: layout.cores == 1 ? 0 : 1)
        for cut in 1..<max(layout.cores, 1) {
            let path = RebuildPath(layout, cut: cut)
            if path.flops < best.flops { best = path }
        }
        self = best
    }

    /// The path with a given cut, from 1 to N - 1.
    package init(_ layout: MPOLayout, cut: Int) {
        self.cut = cut
        if cut == 0 {
            products = []
            return
        }
        let sizes = layout.products
        var shapes: [GEMMShape] = []
        var left = sizes[0]
        for core in 1..<max(cut, 1) {
            shapes.append(GEMMShape(m: left, n: sizes[core] * layout.bonds[core + 1], k: layout.bonds[core]))
            left *= sizes[core]
        }
        var right = sizes[layout.cores - 1]
        for core in (cut..<layout.cores - 1).reversed() {
            shapes.append(GEMMShape(m: layout.bonds[core] * sizes[core], n: right, k: layout.bonds[core + 1]))
            right *= sizes[core]
        }
        shapes.append(GEMMShape(m: left, n: right, k: layout.bonds[cut]))
        products = shapes
    }

    /// Floating-point operations of all products.
    package var flops: Double { products.reduce(0) { $0 + $1.flops } }
}

/// A matrix product C [m, n] = A [m, k] B [k, n], or `count` of them.
package struct GEMMShape: Hashable, Sendable, Codable {
    package var m: Int
    package var n: Int
    package var k: Int
    package var count: Int

    package init(m: Int, n: Int, k: Int, count: Int = 1) {
        self.m = m
        self.n = n
        self.k = k
        self.count = count
    }

    /// 2 m n k for each: a multiplication and an addition.
    package var flops: Double { 2 * Double(m) * Double(n) * Double(k) * Double(count) }
    /// Elements read and written once each: A, B and C.
    package var elements: Double {
        (Double(m) * Double(k) + Double(k) * Double(n) + Double(m) * Double(n)) * Double(count)
    }
}
