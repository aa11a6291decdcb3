import CShims
import Testing

@testable import Kernels

@Suite struct ThinProductTests {
    /// Every instance against sums in Double, which round as often as there are terms: any shape, strides wider than rows, over what was there and added to it.
    @Test(arguments: LoopInstance.all) func instancesMultiply(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ product: (Int, Int, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafeMutablePointer<C>, Int, Int32) -> Void
        ) {
            var g = SeededGenerator(11)
            for (m, n, k, gap) in [(1, 1, 1, 0), (1, 4, 16, 0), (2, 7, 33, 3), (3, 9, 130, 1), (4, 12, 64, 0), (1, 5, 0, 0), (0, 3, 8, 0), (2, 0, 8, 0)] {
                let x: [A] = g.array(m * (k + gap)), w: [A] = g.array(n * (k + gap)), start: [C] = g.array(m * (n + gap))
                for accumulate in [false, true] {
                    var y = Guarded(start)
                    product(m, n, k, x, k + gap, w, k + gap, &y.storage, n + gap, accumulate ? 1 : 0)
                    let expected = start.indices.map { place in
                        let (t, j) = (place / (n + gap), place % (n + gap))
                        guard j < n else { return start[place].double }
                        return (0..<k).reduce(accumulate ? start[place].double : 0) { $0 + x[t * (k + gap) + $1].double * w[j * (k + gap) + $1].double }
                    }
                    expectClose(y, expected, compute: C.self, error: Double(2 * k + 8), "\(name) \(m)x\(n)x\(k) accumulate \(accumulate)")
                }
            }
        }
        check("f32", l.thin_product_f32)
        check("f64", l.thin_product_f64)
        check("bf16", l.thin_product_bf16)
        check("bf16 wide", l.thin_product_wide_bf16)
    }

    /// A row of a product is the same number whichever rows stand beside it, and for any number of threads.
    @Test func rowsStandAlone() {
        var g = SeededGenerator(12)
        let (n, k) = (1030, 700)
        let values: (x: [Float], w: [Float]) = (g.array(4 * k), g.array(n * k))
        let x = Tensor(values.x, [4, k]), w = Tensor(values.w, [n, k])
        let together = Tensor([4, n], .f32)
        GEMM.multiply(x, w, transposeB: true, into: together)
        for row in 0..<4 {
            let alone = Tensor([1, n], .f32)
            GEMM.multiply(x.slice(row..<row + 1), w, transposeB: true, into: alone)
            #expect(alone.floats() == together.slice(row..<row + 1).floats())
            let expected = (0..<n).map { j in (0..<k).reduce(0.0) { $0 + Double(values.x[row * k + $1]) * Double(values.w[j * k + $1]) } }
            #expect(zip(alone.floats(), expected).allSatisfy { abs(Double($0) - $1) < 1e-3 })
        }
    }
}
