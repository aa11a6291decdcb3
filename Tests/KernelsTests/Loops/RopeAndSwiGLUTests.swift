import CShims
import Foundation
import Testing

@Suite struct RopeTests {
    @Test(arguments: LoopInstance.all) func halfRotationAndItsInverse(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String,
            _ rope: (Int, Int, Int, UnsafeMutablePointer<A>, Int, UnsafePointer<Int32>, UnsafePointer<C>, UnsafePointer<C>, Int32) -> Void
        ) {
            var g = SeededGenerator(31)
            for (rows, heads, d) in [(0, 1, 4), (1, 1, 2), (3, 2, 8), (2, 1, 16), (4, 3, 32), (2, 2, 64), (3, 1, 80), (2, 2, 96), (1, 1, 128), (2, 1, 22)] {
                let stride = heads * d + 3
                let positions = (0..<rows).map { Int32(($0 * 37 + 5) % 50) }
                let angles = (0..<50 * d / 2).map { Double($0 / (d / 2)) * pow(10000, -2 * Double($0 % (d / 2)) / Double(d)) }
                let cosines = angles.map { C(rounding: cos($0)) }
                let sines = angles.map { C(rounding: sin($0)) }
                let x: [A] = g.array(rows * stride)
                for inverse in [false, true] {
                    var expected = x.doubles
                    for t in 0..<rows {
                        for head in 0..<heads {
                            for j in 0..<d / 2 {
                                let low = t * stride + head * d + j
                                let high = low + d / 2
                                let c = cosines[Int(positions[t]) * d / 2 + j].double
                                let s = sines[Int(positions[t]) * d / 2 + j].double * (inverse ? -1 : 1)
                                (expected[low], expected[high]) = (x[low].double * c - x[high].double * s, x[high].double * c + x[low].double * s)
                            }
                        }
                    }
                    var out = Guarded(x)
                    rope(rows, heads, d, &out.storage, stride, positions, cosines, sines, inverse ? 1 : 0)
                    expectClose(out, expected, compute: C.self, error: 4, "\(name) \(rows)x\(heads)x\(d) inverse \(inverse)")
                }
            }
        }
        check("f32", l.rope_f32)
        check("f64", l.rope_f64)
        check("bf16", l.rope_bf16)
    }
}

@Suite struct SwiGLUTests {
    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    @Test(arguments: LoopInstance.all) func forwardAndBackward(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, compute: C.Type, _ forward: (Int, UnsafePointer<A>, UnsafePointer<A>, UnsafeMutablePointer<A>) -> Void,
            _ backward: (Int, UnsafePointer<A>, UnsafePointer<A>, UnsafePointer<A>, UnsafeMutablePointer<A>, UnsafeMutablePointer<A>) -> Void
        ) {
            var g = SeededGenerator(32)
            for n in awkwardLengths {
                let gate: [A] = g.array(n, in: -9...9)
                let up: [A] = g.array(n)
                let dact: [A] = g.array(n)
                var act = Guarded<A>(n)
                forward(n, gate, up, &act.storage)
                let expected = (0..<n).map { gate[$0].double * Self.sigmoid(gate[$0].double) * up[$0].double }
                expectClose(act, expected, compute: C.self, error: 60, "\(name) act \(n)")
                var dgate = Guarded<A>(n)
                var dup = Guarded<A>(n)
                backward(n, dact, gate, up, &dgate.storage, &dup.storage)
                let gates = (0..<n).map { i -> Double in
                    let s = Self.sigmoid(gate[i].double)
                    return dact[i].double * up[i].double * s * (1 + gate[i].double * (1 - s))
                }
                let ups = (0..<n).map { dact[$0].double * gate[$0].double * Self.sigmoid(gate[$0].double) }
                expectClose(dgate, gates, compute: C.self, error: 60, "\(name) dgate \(n)")
                expectClose(dup, ups, compute: C.self, error: 60, "\(name) dup \(n)")

                // An element does not depend on where it sits in a vector.
                if n > 2 {
                    var shifted = Guarded<A>(n - 1)
                    forward(n - 1, Array(gate.dropFirst()), Array(up.dropFirst()), &shifted.storage)
                    #expect(shifted.values == Array(act.values.dropFirst()), "\(name) shifted \(n)")
                }
            }
            let extremes = [A(rounding: -1e30), A(rounding: -100), A(rounding: 0), A(rounding: 100), A(rounding: 1e30)]
            let ones = extremes.map { _ in A(rounding: 1) }
            var act = Guarded<A>(5)
            var dgate = Guarded<A>(5)
            var dup = Guarded<A>(5)
            forward(5, extremes, ones, &act.storage)
            backward(5, ones, extremes, ones, &dgate.storage, &dup.storage)
            #expect(act.values.map(\.double).map { abs($0) < 1e-30 ? 0 : $0 } == [0, 0, 0, extremes[3].double, extremes[4].double], "\(name) silu")
            #expect(dgate.values.map(\.double).map { abs($0) < 1e-30 ? 0 : $0 } == [0, 0, 0.5, 1, 1], "\(name) silu'")
        }
        check("f32", compute: Float.self, l.swiglu_forward_f32, l.swiglu_backward_f32)
        check("f64", compute: Double.self, l.swiglu_forward_f64, l.swiglu_backward_f64)
        check("bf16", compute: Float.self, l.swiglu_forward_bf16, l.swiglu_backward_bf16)
    }

    @Test(arguments: LoopInstance.all) func stridedRowsEqualFlatOnes(_ instance: LoopInstance) {
        let l = instance.loops
        var g = SeededGenerator(33)
        let (rows, d) = (3, 37)
        let fused: [UInt16] = g.array(rows * 2 * d)  // gate and up side by side
        let dact: [UInt16] = g.array(rows * d)
        var act = Guarded<UInt16>(rows * d)
        var dfused = Guarded<UInt16>(rows * 2 * d)
        fused.withUnsafeBufferPointer { f in
            l.swiglu_rows_forward_bf16(rows, d, f.baseAddress!, 2 * d, f.baseAddress! + d, 2 * d, &act.storage, d)
            dfused.storage.withUnsafeMutableBufferPointer {
                l.swiglu_rows_backward_bf16(
                    rows, d, dact, d, f.baseAddress!, 2 * d, f.baseAddress! + d, 2 * d, $0.baseAddress!, 2 * d, $0.baseAddress! + d, 2 * d)
            }
        }
        #expect(act.marginIsIntact && dfused.marginIsIntact)
        for t in 0..<rows {
            let gate = Array(fused[t * 2 * d..<t * 2 * d + d])
            let up = Array(fused[t * 2 * d + d..<(t + 1) * 2 * d])
            var row = Guarded<UInt16>(d)
            l.swiglu_forward_bf16(d, gate, up, &row.storage)
            #expect(row.values == Array(act.values[t * d..<(t + 1) * d]))
            var dgate = Guarded<UInt16>(d)
            var dup = Guarded<UInt16>(d)
            l.swiglu_backward_bf16(d, Array(dact[t * d..<(t + 1) * d]), gate, up, &dgate.storage, &dup.storage)
            #expect(dgate.values + dup.values == Array(dfused.values[t * 2 * d..<(t + 1) * 2 * d]))
        }
    }
}
