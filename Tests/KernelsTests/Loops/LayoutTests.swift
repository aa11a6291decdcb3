import CShims
import Testing

@Suite struct LayoutTests {
    @Test(arguments: LoopInstance.all) func transposes(_ instance: LoopInstance) {
        let l = instance.loops
        func check<X: LoopElement, Y: LoopElement>(
            _ name: String, _ transpose: (Int, Int, UnsafePointer<X>, Int, UnsafeMutablePointer<Y>, Int) -> Void
        ) {
            var g = SeededGenerator(61)
            for (rows, columns) in [(0, 4), (4, 0), (1, 1), (1, 19), (19, 1), (8, 8), (16, 16), (15, 17), (33, 64), (67, 131), (130, 5)] {
                let (instride, outstride) = (columns + 2, rows + 3)
                let x: [X] = g.array(rows * instride)
                var out = Guarded<Y>(columns * outstride)
                transpose(rows, columns, x, instride, &out.storage, outstride)
                let expected = (0..<columns * outstride).map { i in
                    i % outstride < rows ? Y(rounding: x[i % outstride * instride + i / outstride].double) : Guarded<Y>.sentinel
                }
                #expect(out.marginIsIntact && out.values == expected, "\(name) \(rows)x\(columns)")
            }
        }
        check("f32", l.transpose_f32)
        check("f64", l.transpose_f64)
        check("bf16", l.transpose_bf16)
        check("f32 to bf16", l.transpose_f32_to_bf16)
        check("bf16 to f32", l.transpose_bf16_to_f32)
    }

    @Test(arguments: LoopInstance.all) func exchangingTheMiddleAxes(_ instance: LoopInstance) {
        let l = instance.loops
        func check<X: LoopElement, Y: LoopElement>(
            _ name: String, _ permute: (Int, Int, Int, Int, Int, UnsafePointer<X>, UnsafeMutablePointer<Y>) -> Void
        ) {
            var g = SeededGenerator(62)
            let shapes = [
                (0, 2, 2, 2), (1, 1, 1, 1), (2, 3, 5, 7), (3, 16, 17, 1), (2, 1, 9, 4), (2, 9, 1, 4), (1, 5, 4, 16), (2, 7, 3, 33), (1, 20, 19, 2),
                (4, 2, 3, 0),
            ]
            for (a, b, c, d) in shapes {
                let x: [X] = g.array(a * b * c * d)
                var expected = [Y](repeating: Guarded<Y>.sentinel, count: x.count)
                for i in 0..<a {
                    for j in 0..<b {
                        for k in 0..<c {
                            for m in 0..<d { expected[((i * c + k) * b + j) * d + m] = Y(rounding: x[((i * b + j) * c + k) * d + m].double) }
                        }
                    }
                }
                var out = Guarded<Y>(x.count)
                for i in 0..<a { permute(i, i + 1, b, c, d, x, &out.storage) }  // each slab by itself, as workers would
                #expect(out.marginIsIntact && out.values == expected, "\(name) \((a, b, c, d))")
                var together = Guarded<Y>(x.count)
                permute(0, a, b, c, d, x, &together.storage)
                #expect(together.marginIsIntact && together.values == expected, "\(name) \((a, b, c, d)) at once")
            }
        }
        check("f32", l.permute_f32_to_f32)
        check("f32 to bf16", l.permute_f32_to_bf16)
        check("bf16 to f32", l.permute_bf16_to_f32)
        check("bf16", l.permute_bf16_to_bf16)
        check("f64", l.permute_f64_to_f64)
    }

    @Test(arguments: LoopInstance.all) func anyPermute(_ instance: LoopInstance) {
        let l = instance.loops
        func check<X: LoopElement, Y: LoopElement>(
            _ name: String, _ permute: (Int32, UnsafePointer<Int>, UnsafePointer<Int>, Int, Int, UnsafePointer<X>, UnsafeMutablePointer<Y>) -> Void
        ) {
            var g = SeededGenerator(63)
            // The input's shape, and which input axis each output axis is.
            let cases: [([Int], [Int])] = [
                ([5], [0]), ([3, 4], [1, 0]), ([2, 3, 4], [0, 1, 2]), ([2, 3, 4], [2, 0, 1]), ([20, 3, 18], [2, 1, 0]), ([4, 5, 6, 7], [0, 2, 1, 3]),
                ([2, 3, 2, 3, 2, 5], [0, 2, 4, 1, 3, 5]), ([2, 2, 2, 3, 2, 2, 2, 1, 2, 3], [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]),
                ([2, 2, 2, 3, 2, 2, 2, 1, 2, 3], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]), ([3, 0, 2], [2, 1, 0]), ([1, 6, 1], [1, 2, 0]),
                ([6, 17, 1], [1, 0, 2]),
                // As many axes as the cores of an operator have legs, alone and with neighbours that stay together.
                ([2, 1, 2, 3, 2, 1, 2, 2, 1, 1, 2, 2], [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]),
                ([3, 2, 2, 1, 2, 2, 5, 1, 2, 1, 2, 2], [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]),
                ([Int](repeating: 1, count: 25) + [2, 2, 3, 2, 2, 2, 2], Array(stride(from: 0, to: 32, by: 2)) + Array(stride(from: 1, to: 32, by: 2))),
                ([2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], Array((0..<12).reversed())), ([40, 3, 50], [0, 2, 1]), ([40, 3, 50], [2, 1, 0]), ([50, 3], [1, 0]),
            ]
            for (shape, axes) in cases {
                let rank = shape.count
                var strides = [Int](repeating: 1, count: rank)
                for k in stride(from: rank - 2, through: 0, by: -1) { strides[k] = strides[k + 1] * shape[k + 1] }
                let outShape = axes.map { shape[$0] }
                let inStrides = axes.map { strides[$0] }
                let x: [X] = g.array(shape.reduce(1, *))
                let expected = (0..<x.count).map { flat -> Y in
                    var rest = flat
                    var source = 0
                    for k in stride(from: rank - 1, through: 0, by: -1) {
                        source += rest % outShape[k] * inStrides[k]
                        rest /= outShape[k]
                    }
                    return Y(rounding: x[source].double)
                }
                var out = Guarded<Y>(x.count)
                for i in 0..<outShape[0] { permute(Int32(rank), outShape, inStrides, i, i + 1, x, &out.storage) }
                #expect(out.marginIsIntact && out.values == expected, "\(name) \(shape) by \(axes)")
                out = Guarded(x.count)
                permute(Int32(rank), outShape, inStrides, 0, outShape[0], x, &out.storage)
                #expect(out.marginIsIntact && out.values == expected, "\(name) \(shape) by \(axes) at once")
            }
            // No axis of stride 1, and a broadcast axis.
            let x: [X] = g.array(40)
            var out = Guarded<Y>(3 * 4 * 5)
            permute(3, [3, 4, 5], [0, 10, 2], 0, 3, x, &out.storage)
            let expected = (0..<60).map { Y(rounding: x[$0 / 5 % 4 * 10 + $0 % 5 * 2].double) }
            #expect(out.marginIsIntact && out.values == expected, "\(name) strided")
        }
        check("f32", l.permute_strided_f32_to_f32)
        check("f32 to bf16", l.permute_strided_f32_to_bf16)
        check("bf16 to f32", l.permute_strided_bf16_to_f32)
        check("bf16", l.permute_strided_bf16_to_bf16)
        check("f64", l.permute_strided_f64_to_f64)
    }
}
