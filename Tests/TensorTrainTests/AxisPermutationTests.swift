import Testing

@testable import TensorTrain

@Suite struct AxisPermutationTests {
    private static func naive(_ values: [Int32], shape: [Int], order: [Int]) -> [Int32] {
        let result = order.map { shape[$0] }
        return (0..<values.count).map { index in
            let digits = Naive.digits(index, result)
            var source = [Int](repeating: 0, count: shape.count)
            for (position, axis) in order.enumerated() { source[axis] = digits[position] }
            return values[zip(source, shape).reduce(0) { $0 * $1.1 + $1.0 }]
        }
    }

    private static func permutations(_ count: Int) -> [[Int]] {
        if count == 0 { return [[]] }
        return permutations(count - 1).flatMap { smaller in
            (0...smaller.count).map { position in
                var next = smaller
                next.insert(count - 1, at: position)
                return next
            }
        }
    }

    @Test func everyOrderOfUpToFourAxes() {
        for shape in [[], [5], [1], [3, 4], [35, 18], [2, 3, 5], [4, 1, 3], [2, 1, 17, 3], [3, 2, 5, 19]] {
            let values = (0..<Int32(shape.reduce(1, *))).map { $0 }
            for order in Self.permutations(shape.count) {
                let permutation = AxisPermutation(shape: shape, order: order)
                let expected = Self.naive(values, shape: shape, order: order)
                #expect(permutation(values) == expected, "\(shape) \(order)")
                #expect(permutation(values.map { Double($0) }) == expected.map { Double($0) }, "\(shape) \(order)")
                #expect(permutation(values.map { Int16($0) }) == expected.map { Int16($0) }, "\(shape) \(order)")
                // In pieces, last piece first.
                var pieces = [Int32](repeating: -1, count: values.count)
                for piece in (0..<permutation.pieces).reversed() {
                    permutation.apply(from: values, to: &pieces, pieces: piece..<piece + 1)
                }
                #expect(pieces == expected, "pieces of \(shape) \(order)")
            }
        }
    }

    @Test func layoutOrdersAreInverse() {
        for layout in Naive.layouts {
            let values = (0..<Int32(layout.denseCount)).map { $0 }
            let there = layout.matrixToCores(values)
            #expect(layout.coresToMatrix(there) == values, "\(layout)")
            let count = layout.cores
            let shape = layout.outFactors + layout.inFactors
            #expect(
                there == Self.naive(values, shape: shape, order: (0..<count).flatMap { [$0, $0 + count] }), "\(layout)")
        }
    }
}
