import CShims
import Foundation
import Testing

@Suite struct NumberLoopTests {
    @Test func theLoaderPicksTheBestInstance() throws {
        let best = try #require(LoopInstance.all.last)
        #expect(String(cString: heal_loops_instruction_set()) == best.testDescription)
        #expect(heal_loops_instance(Int32(LoopInstance.all.count)) == nil)
        #expect(heal_loops_instance(-1) == nil)
        // The public name and the best instance are the same code.
        var g = SeededGenerator(1)
        let x: [Float] = g.array(1000, in: -20...20)
        var a = x
        var b = x
        heal_exp_f32(1000, x, &a)
        best.loops.exp_f32(1000, x, &b)
        #expect(a == b)
    }

    @Test(arguments: LoopInstance.all) func expIsWithinTwoUlp(_ instance: LoopInstance) {
        var x: [Float] = [0, -0.0, 1, -1, 88.72283, -87.33654, -87.4, -100, -103.9, 0.34657359, -0.34657359, 1e-30]
        var bits = Float(-104).bitPattern
        while bits > 0x8000_0000 + 0x3000_0000 {  // negative numbers down to -2^-30, every 997th
            x.append(Float(bitPattern: bits))
            bits -= 997
        }
        bits = Float(88.7228).bitPattern
        while bits > 0x3000_0000 {
            x.append(Float(bitPattern: bits))
            bits -= 997
        }
        var y = x
        instance.loops.exp_f32(x.count, x, &y)
        var worst = 0.0
        for (a, b) in zip(x, y) {
            let e = exp(Double(a))
            worst = max(worst, abs(Double(b) - e) / Double(Float(e).ulp))
        }
        #expect(worst <= 2, "\(worst) ulp over \(x.count) values")
    }

    @Test(arguments: LoopInstance.all) func expOfSpecialValues(_ instance: LoopInstance) {
        let x: [Float] = [-.infinity, .infinity, .nan, -1000, 1000, -.greatestFiniteMagnitude, .greatestFiniteMagnitude, -150, 89]
        var y = x
        instance.loops.exp_f32(x.count, x, &y)
        #expect(y[0] == 0 && y[1] == .infinity && y[2].isNaN && y[3] == 0 && y[4] == .infinity && y[5] == 0 && y[6] == .infinity)
        #expect(y[7] == 0 && y[8] == .infinity)
        let xd: [Double] = [-.infinity, 0, 1, .nan]
        var yd = xd
        instance.loops.exp_f64(4, xd, &yd)
        #expect(yd[0] == 0 && yd[1] == 1 && yd[2] == exp(1) && yd[3].isNaN)
    }

    @Test(arguments: LoopInstance.all) func elementwise(_ instance: LoopInstance) {
        let l = instance.loops
        func check<C: LoopElement>(
            _ name: String, _ add: (Int, UnsafePointer<C>, UnsafePointer<C>, UnsafeMutablePointer<C>) -> Void,
            _ scale: (Int, C, UnsafeMutablePointer<C>) -> Void, _ axpy: (Int, C, UnsafePointer<C>, UnsafeMutablePointer<C>) -> Void,
            _ scaleAdd: (Int, C, UnsafePointer<C>, C, UnsafeMutablePointer<C>) -> Void, _ squares: (Int, UnsafePointer<C>) -> Double,
            _ dot: (Int, UnsafePointer<C>, UnsafePointer<C>) -> Double
        ) {
            var g = SeededGenerator(2)
            let a = C(rounding: 0.7)
            let b = C(rounding: -1.3)
            for n in awkwardLengths {
                let x: [C] = g.array(n)
                let y: [C] = g.array(n)
                let xy = zip(x.doubles, y.doubles)
                var out = Guarded<C>(n)
                add(n, x, y, &out.storage)
                expectClose(out, xy.map { $0 + $1 }, compute: C.self, error: 0, "\(name) add \(n)")
                out = Guarded(x)
                scale(n, a, &out.storage)
                expectClose(out, x.map { a.double * $0.double }, compute: C.self, error: 0, "\(name) scale \(n)")
                out = Guarded(y)
                axpy(n, a, x, &out.storage)
                expectClose(out, xy.map { $1 + a.double * $0 }, compute: C.self, error: 1, "\(name) axpy \(n)")
                out = Guarded(y)
                scaleAdd(n, a, x, b, &out.storage)
                expectClose(out, xy.map { a.double * $0 + b.double * $1 }, compute: C.self, error: 3, "\(name) scale_add \(n)")
                let expected = x.reduce(0) { $0 + $1.double * $1.double }
                #expect(abs(squares(n, x) - expected) <= 1e-13 * expected, "\(name) sum_squares \(n)")
                #expect(abs(dot(n, x, y) - xy.reduce(0) { $0 + $1.0 * $1.1 }) <= 1e-13 * Double(n + 1), "\(name) dot \(n)")
            }
        }
        check("f32", l.add_f32, l.scale_f32, l.axpy_f32, l.scale_add_f32, l.sum_squares_f32, l.dot_f32)
        check("f64", l.add_f64, l.scale_f64, l.axpy_f64, l.scale_add_f64, l.sum_squares_f64, l.dot_f64)
    }

    @Test(arguments: LoopInstance.all) func betweenActivationsAndResidual(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, R: LoopElement>(
            _ name: String, _ from: (Int, UnsafePointer<R>, UnsafeMutablePointer<A>) -> Void,
            _ to: (Int, UnsafePointer<A>, UnsafeMutablePointer<R>) -> Void, _ add: (Int, UnsafePointer<A>, UnsafeMutablePointer<R>) -> Void
        ) {
            var g = SeededGenerator(3)
            for n in awkwardLengths {
                let r: [R] = g.array(n)
                let a: [A] = g.array(n)
                var out = Guarded<A>(n)
                from(n, r, &out.storage)
                #expect(out.marginIsIntact && out.values == r.map { A(rounding: $0.double) }, "\(name) from residual \(n)")
                var wide = Guarded<R>(n)
                to(n, a, &wide.storage)
                #expect(wide.marginIsIntact && wide.values.doubles == a.doubles, "\(name) to residual \(n)")
                wide = Guarded(r)
                add(n, a, &wide.storage)
                expectClose(wide, zip(r.doubles, a.doubles).map { $0 + $1 }, compute: R.self, error: 0, "\(name) add \(n)")
            }
        }
        check("f32", l.activation_from_residual_f32, l.residual_from_activation_f32, l.residual_add_activation_f32)
        check("f64", l.activation_from_residual_f64, l.residual_from_activation_f64, l.residual_add_activation_f64)
        check("bf16", l.activation_from_residual_bf16, l.residual_from_activation_bf16, l.residual_add_activation_bf16)
    }

    @Test(arguments: LoopInstance.all) func biasAndColumnSum(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ biasAdd: (Int, Int, UnsafeMutablePointer<A>, Int, UnsafePointer<C>) -> Void,
            _ columnSum: (Int, Int, UnsafePointer<A>, Int, UnsafeMutablePointer<C>) -> Void
        ) {
            var g = SeededGenerator(4)
            for (rows, d, gap) in [(0, 5, 0), (1, 1, 0), (3, 17, 2), (7, 64, 0), (5, 131, 1), (2, 200, 8), (4, 0, 3)] {
                let stride = d + gap
                let x: [A] = g.array(rows * stride)
                let bias: [C] = g.array(d)
                let start: [C] = g.array(d)
                var out = Guarded(x)
                biasAdd(rows, d, &out.storage, stride, bias)
                let expected = (0..<rows * stride).map { i in
                    i % stride < d ? x[i].double + bias[i % stride].double : x[i].double
                }
                expectClose(out, expected, compute: C.self, error: 1, "\(name) bias_add \(rows)x\(d)")
                var sum = Guarded(start)
                columnSum(rows, d, x, stride, &sum.storage)
                let sums = (0..<d).map { j in (0..<rows).reduce(start[j].double) { $0 + x[$1 * stride + j].double } }
                expectClose(sum, sums, compute: C.self, error: 8, "\(name) column_sum \(rows)x\(d)")
            }
        }
        check("f32", l.bias_add_f32, l.column_sum_f32)
        check("f64", l.bias_add_f64, l.column_sum_f64)
        check("bf16", l.bias_add_bf16, l.column_sum_bf16)
    }
}
