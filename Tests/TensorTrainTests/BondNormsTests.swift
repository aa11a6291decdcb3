import Kernels
import Testing

@testable import TensorTrain

@Suite struct BondNormsTests {
    /// Against the products of the cores on each side, for all chains of one to five cores.
    @Test(arguments: Naive.layouts) func norms(_ layout: MPOLayout) throws {
        let chain = Naive.operatorOf(layout, seed: 3).converted(to: Float.self), wide = chain.converted(to: Double.self)
        let buffers = chain.values.map { values in
            let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
            _ = room.initialize(from: values)
            return UnsafeBufferPointer(room)
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        let norms = BondNorms(layout, cores: buffers), n = layout.cores, bonds = layout.bonds
        #expect(norms.left[0] == [1] && norms.right[n] == [1])
        #expect(norms.left.count == n + 1 && norms.right.count == n + 1)
        var left = wide.values[0], right = wide.values[n - 1]
        for k in stride(from: 1, to: n, by: 1) {
            let rows = left.count / bonds[k]
            expectClose(norms.left[k], (0..<bonds[k]).map { j in (0..<rows).reduce(0) { $0 + left[$1 * bonds[k] + j] * left[$1 * bonds[k] + j] } }, "left of bond \(k)")
            left = LinearAlgebra.product(m: rows, n: wide.values[k].count / bonds[k], k: bonds[k], left, wide.values[k])
        }
        for k in stride(from: n - 1, to: 0, by: -1) {
            let columns = right.count / bonds[k]
            expectClose(norms.right[k], (0..<bonds[k]).map { j in right[j * columns..<(j + 1) * columns].reduce(0) { $0 + $1 * $1 } }, "right of bond \(k)")
            right = LinearAlgebra.product(m: wide.values[k - 1].count / bonds[k], n: columns, k: bonds[k], wide.values[k - 1], right)
        }
    }
}
