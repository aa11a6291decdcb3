import CShims
import Testing

@Suite struct NormTests {
    static let shapes = [(0, 5), (1, 1), (2, 2), (3, 7), (1, 16), (4, 17), (3, 61), (2, 64), (5, 127), (2, 131), (3, 576)]

    /// The norm and its pullback of one row, in Double, straight from the formula.
    static func reference(x: [Double], w: [Double], eps: Double, dy: [Double]) -> (h: [Double], rstd: Double, dx: [Double], dw: [Double]) {
        let d = Double(x.count)
        let rstd = 1 / (x.reduce(0) { $0 + $1 * $1 } / d + eps).squareRoot()
        let h = zip(x, w).map { $0 * rstd * $1 }
        let along = (0..<x.count).reduce(0.0) { $0 + dy[$1] * w[$1] * x[$1] }
        let dx = (0..<x.count).map { rstd * dy[$0] * w[$0] - x[$0] * rstd * rstd * rstd / d * along }
        return (h, rstd, dx, (0..<x.count).map { dy[$0] * x[$0] * rstd })
    }

    @Test(arguments: LoopInstance.all) func rmsNorm(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ zero: A,
            _ forward: (Int, Int, UnsafePointer<C>, UnsafePointer<C>, C, UnsafeMutablePointer<A>, UnsafeMutablePointer<C>) -> Void,
            _ backward: (
                Int, Int, UnsafePointer<C>, UnsafePointer<C>, UnsafePointer<C>, UnsafePointer<C>, UnsafeMutablePointer<C>,
                UnsafeMutablePointer<C>?, Int32
            ) -> Void
        ) {
            var g = SeededGenerator(21)
            for (rows, d) in Self.shapes {
                let x: [C] = g.array(rows * d, in: -2...2)
                let w: [C] = g.array(d, in: 0.5...1.5)
                let dy: [C] = g.array(rows * d)
                let before: [C] = g.array(rows * d)
                let dwBefore: [C] = g.array(d)
                let eps = C(rounding: 1e-5)
                let references = (0..<rows).map { t in
                    Self.reference(
                        x: x[t * d..<(t + 1) * d].map(\.double), w: w.doubles, eps: eps.double, dy: dy[t * d..<(t + 1) * d].map(\.double))
                }
                let label = "\(name) \(rows)x\(d)"
                var h = Guarded<A>(rows * d)
                var rstd = Guarded<C>(rows)
                forward(rows, d, x, w, eps, &h.storage, &rstd.storage)
                expectClose(h, references.flatMap(\.h), compute: C.self, error: 30, "\(label) h")
                expectClose(rstd, references.map(\.rstd), compute: C.self, error: 16 * (references.map(\.rstd).max() ?? 0), "\(label) rstd")

                let dxExpected = references.flatMap(\.dx)
                let size = 40 * (references.map(\.rstd).max() ?? 0)
                let dwExpected = (0..<d).map { j in references.reduce(dwBefore[j].double) { $0 + $1.dw[j] } }
                var dx = Guarded<C>(rows * d)
                var dw = Guarded(dwBefore)
                backward(rows, d, dy, x, w, rstd.storage, &dx.storage, &dw.storage, 0)
                expectClose(dx, dxExpected, compute: C.self, error: size, "\(label) dx")
                expectClose(dw, dwExpected, compute: C.self, error: 60, "\(label) dw")
                var added = Guarded(before)
                backward(rows, d, dy, x, w, rstd.storage, &added.storage, nil, 1)
                expectClose(added, zip(before.doubles, dxExpected).map { $0 + $1 }, compute: C.self, error: size, "\(label) dx +=")
                var aliased = Guarded(dy)
                aliased.storage.withUnsafeMutableBufferPointer {
                    backward(rows, d, $0.baseAddress!, x, w, rstd.storage, $0.baseAddress!, nil, 0)
                }
                #expect(aliased.values == dx.values, "\(label) dx over dy")
            }
        }
        check("f32", Float(0), l.rmsnorm_forward_f32, l.rmsnorm_backward_f32)
        check("f64", 0.0, l.rmsnorm_forward_f64, l.rmsnorm_backward_f64)
        check("bf16", UInt16(0), l.rmsnorm_forward_bf16, l.rmsnorm_backward_bf16)
    }

    @Test(arguments: LoopInstance.all) func headNorm(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String,
            _ forward: (
                Int, Int, Int, UnsafePointer<A>, Int, UnsafePointer<C>, C, UnsafeMutablePointer<A>, Int, UnsafeMutablePointer<C>
            ) -> Void,
            _ backward: (
                Int, Int, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafePointer<C>, UnsafePointer<C>, UnsafeMutablePointer<A>, Int,
                UnsafeMutablePointer<C>?
            ) -> Void
        ) {
            var g = SeededGenerator(22)
            for (rows, heads, d) in [(0, 2, 8), (1, 1, 8), (3, 2, 6), (2, 3, 16), (2, 2, 80), (3, 1, 128), (2, 3, 22)] {
                let width = heads * d
                let strides = (x: width + 3, h: width, dy: width + 1, dx: width + 5)
                let x: [A] = g.array(rows * strides.x, in: -2...2)
                let dy: [A] = g.array(rows * strides.dy)
                let w: [C] = g.array(d, in: 0.5...1.5)
                let dwBefore: [C] = g.array(d)
                let references = (0..<rows * heads).map { th -> (h: [Double], rstd: Double, dx: [Double], dw: [Double]) in
                    let (t, head) = (th / heads, th % heads)
                    let row = x[t * strides.x + head * d..<t * strides.x + (head + 1) * d].map(\.double)
                    let cotangent = dy[t * strides.dy + head * d..<t * strides.dy + (head + 1) * d].map(\.double)
                    return Self.reference(x: row, w: w.doubles, eps: C(rounding: 1e-6).double, dy: cotangent)
                }
                let label = "\(name) \(rows)x\(heads)x\(d)"
                var h = Guarded<A>(rows * strides.h)
                var rstd = Guarded<C>(rows * heads)
                forward(rows, heads, d, x, strides.x, w, C(rounding: 1e-6), &h.storage, strides.h, &rstd.storage)
                expectClose(h, references.flatMap(\.h), compute: C.self, error: 30, "\(label) h")
                var dx = Guarded<A>(rows * strides.dx)
                var dw = Guarded(dwBefore)
                backward(rows, heads, d, dy, strides.dy, x, strides.x, w, rstd.storage, &dx.storage, strides.dx, &dw.storage)
                let gap = [Double](repeating: Guarded<A>.sentinel.double, count: strides.dx - width)
                var dxExpected: [Double] = []
                for t in 0..<rows {
                    dxExpected += references[t * heads..<(t + 1) * heads].flatMap(\.dx)
                    dxExpected += gap
                }
                let size = 40 * (references.map(\.rstd).max() ?? 0)
                expectClose(dx, dxExpected, compute: C.self, error: size, "\(label) dx")
                let dwExpected = (0..<d).map { j in references.reduce(dwBefore[j].double) { $0 + $1.dw[j] } }
                expectClose(dw, dwExpected, compute: C.self, error: 60, "\(label) dw")
            }
        }
        check("f32", l.headnorm_forward_f32, l.headnorm_backward_f32)
        check("f64", l.headnorm_forward_f64, l.headnorm_backward_f64)
        check("bf16", l.headnorm_forward_bf16, l.headnorm_backward_bf16)
    }

    @Test(arguments: LoopInstance.all) func rowsDoNotDependOnTheBlock(_ instance: LoopInstance) {
        let l = instance.loops
        var g = SeededGenerator(23)
        let (rows, d) = (7, 131)
        let x: [Float] = g.array(rows * d)
        let w: [Float] = g.array(d)
        var whole = Guarded<Float>(rows * d)
        var rstd = Guarded<Float>(rows)
        l.rmsnorm_forward_f32(rows, d, x, w, 1e-5, &whole.storage, &rstd.storage)
        for t in 0..<rows {
            var one = Guarded<Float>(d)
            var r = Guarded<Float>(1)
            l.rmsnorm_forward_f32(1, d, Array(x[t * d..<(t + 1) * d]), w, 1e-5, &one.storage, &r.storage)
            #expect(one.values == Array(whole.values[t * d..<(t + 1) * d]) && r.values[0] == rstd.values[t])
        }
    }
}
