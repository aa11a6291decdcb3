import CShims
import Foundation
import Testing

/// Attention with each row of the [S, S] matrix written out in Double. Rows are flat [S, d] arrays; sums go through the plain dot and axpy loops, which have
/// tests of their own, because unoptimised Swift would take minutes here.
struct NaiveAttention {
    var o: [Double]
    var lse: [Double] = []
    var dq: [Double]
    var dk: [Double]
    var dv: [Double]

    init(d: Int, q: [Double], k: [Double], v: [Double], dout: [Double], scale: Double, firstPosition: Int = 0) {
        o = Array(repeating: 0, count: q.count)
        dq = o
        dk = Array(repeating: 0, count: k.count)
        dv = dk
        func dot(_ a: [Double], _ i: Int, _ b: [Double], _ j: Int) -> Double {
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { heal_dot_f64(d, a.baseAddress! + i * d, $0.baseAddress! + j * d) }
            }
        }
        func add(_ factor: Double, _ a: [Double], _ i: Int, to b: inout [Double], _ j: Int) {
            a.withUnsafeBufferPointer { a in
                b.withUnsafeMutableBufferPointer { heal_axpy_f64(d, factor, a.baseAddress! + i * d, $0.baseAddress! + j * d) }
            }
        }
        for i in 0..<q.count / d {
            let s = (0...firstPosition + i).map { scale * dot(q, i, k, $0) }
            let m = s.max()!
            lse.append(m + log(s.reduce(0) { $0 + exp($1 - m) }))
            let p = s.map { exp($0 - lse[i]) }
            for j in p.indices { add(p[j], v, j, to: &o, i) }
            let along = dot(dout, i, o, i)
            for j in p.indices {
                let ds = p[j] * (dot(dout, i, v, j) - along) * scale
                add(ds, k, j, to: &dq, i)
                add(ds, q, i, to: &dk, j)
                add(p[j], dout, i, to: &dv, j)
            }
        }
    }
}

@Suite struct AttentionTests {
    /// (positions, head_dim): fewer rows than lanes, tile borders, head sizes that are no multiple of the lanes.
    static let shapes = [
        (0, 8), (1, 8), (2, 2), (5, 16), (8, 6), (9, 64), (17, 22), (33, 64), (63, 8), (64, 32), (65, 80), (100, 96), (129, 128), (131, 10), (200, 64), (20, 7), (70, 33),
    ]

    /// The head's values out of strided rows.
    static func rows<T: LoopElement>(_ strided: [T], _ count: Int, _ d: Int, stride: Int) -> [Double] {
        (0..<count).flatMap { t in strided[t * stride..<t * stride + d].map(\.double) }
    }

    /// Rows with a gap behind each.
    static func spaced(_ flat: [Double], _ d: Int, gap: Int, filledWith fill: Double) -> [Double] {
        stride(from: 0, to: flat.count, by: d).flatMap { flat[$0..<$0 + d] + Array(repeating: fill, count: gap) }
    }

    typealias Forward<A, C> = (
        Int, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, C, UnsafeMutablePointer<A>, Int, UnsafeMutablePointer<C>,
        UnsafeMutablePointer<C>
    ) -> Void
    typealias Backward<A, C> = (
        Int, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int,
        UnsafePointer<C>, C, UnsafeMutablePointer<A>, Int, UnsafeMutablePointer<C>, UnsafeMutablePointer<C>, UnsafeMutablePointer<C>
    ) -> Void

    /// Both directions of one variant against the naive form. `error` is in roundings of the compute type.
    static func check<A: LoopElement, C: LoopElement>(
        _ name: String, error: Double, _ forwardScratch: (Int) -> Int, _ backwardScratch: (Int) -> Int, _ forward: Forward<A, C>,
        _ backward: Backward<A, C>
    ) {
        var g = SeededGenerator(51)
        for (s, d) in shapes {
            let strides = (q: d + 4, k: d, v: d + 1, o: d + 2, dout: d + 3, dq: d + 5)
            let q: [A] = g.array(s * strides.q, in: -2...2)
            let k: [A] = g.array(s * strides.k, in: -2...2)
            let v: [A] = g.array(s * strides.v)
            let dout: [A] = g.array(s * strides.dout)
            let dkBefore: [C] = g.array(s * d)
            let dvBefore: [C] = g.array(s * d)
            let scale = C(rounding: 1 / Double(d).squareRoot())
            let naive = NaiveAttention(
                d: d, q: rows(q, s, d, stride: strides.q), k: rows(k, s, d, stride: strides.k), v: rows(v, s, d, stride: strides.v),
                dout: rows(dout, s, d, stride: strides.dout), scale: scale.double)
            let label = "\(name) S=\(s) d=\(d)"
            let sentinel = Guarded<A>.sentinel.double

            var o = Guarded<A>(s * strides.o)
            var lse = Guarded<C>(s)
            var scratch = Guarded<C>(forwardScratch(d))
            forward(s, d, q, strides.q, k, strides.k, v, strides.v, scale, &o.storage, strides.o, &lse.storage, &scratch.storage)
            #expect(scratch.marginIsIntact, "\(label): forward scratch")
            expectClose(o, Self.spaced(naive.o, d, gap: 2, filledWith: sentinel), compute: C.self, error: error, "\(label) o")
            expectClose(lse, naive.lse, compute: C.self, error: error, "\(label) lse")

            // The pullback sees exact o and lse, so that its own errors show.
            let exactO = Self.spaced(naive.o, d, gap: 2, filledWith: 0).map { A(rounding: $0) }
            let exactLSE = naive.lse.map { C(rounding: $0) }
            let storedO = A.unitRoundoff / C.unitRoundoff * 2  // D is computed from the rounded o
            var dq = Guarded<A>(s * strides.dq)
            var dk = Guarded(dkBefore)
            var dv = Guarded(dvBefore)
            scratch = Guarded<C>(backwardScratch(d))
            backward(
                s, d, q, strides.q, k, strides.k, v, strides.v, exactO, strides.o, dout, strides.dout, exactLSE, scale, &dq.storage, strides.dq,
                &dk.storage, &dv.storage, &scratch.storage)
            #expect(scratch.marginIsIntact, "\(label): backward scratch")
            let gradientError = 8 * error + storedO
            expectClose(
                dq, Self.spaced(naive.dq, d, gap: 5, filledWith: sentinel), compute: C.self, error: gradientError, "\(label) dq")
            expectClose(dk, zip(dkBefore.doubles, naive.dk).map { $0 + $1 }, compute: C.self, error: gradientError, "\(label) dk")
            expectClose(dv, zip(dvBefore.doubles, naive.dv).map { $0 + $1 }, compute: C.self, error: gradientError, "\(label) dv")
        }
    }

    @Test(arguments: LoopInstance.all) func equalsTheNaiveForm(_ instance: LoopInstance) {
        let l = instance.loops
        Self.check(
            "f32", error: 30, l.attention_forward_scratch_f32, l.attention_backward_scratch_f32, l.attention_forward_f32, l.attention_backward_f32)
        Self.check(
            "f64", error: 60, l.attention_forward_scratch_f64, l.attention_backward_scratch_f64, l.attention_forward_f64, l.attention_backward_f64)
        Self.check(
            "bf16", error: instance.dotsBFloat16 ? 0x1p15 : 30, l.attention_forward_scratch_bf16, l.attention_backward_scratch_bf16, l.attention_forward_bf16,
            l.attention_backward_bf16)
    }

    @Test(arguments: LoopInstance.all) func pullbackEqualsFiniteDifferences(_ instance: LoopInstance) {
        let l = instance.loops
        var g = SeededGenerator(52)
        let (s, d, scale) = (37, 6, 0.4)
        let inputs: [[Double]] = (0..<3).map { _ in g.array(s * d) }
        let dout: [Double] = g.array(s * d)
        let direction: [[Double]] = (0..<3).map { _ in g.array(s * d) }
        var o = [Double](repeating: 0, count: s * d)
        var lse = [Double](repeating: 0, count: s)
        var scratch = [Double](repeating: 0, count: l.attention_backward_scratch_f64(d))
        func loss(_ step: Double) -> Double {
            let x = zip(inputs, direction).map { zip($0, $1).map { $0 + step * $1 } }
            l.attention_forward_f64(s, d, x[0], d, x[1], d, x[2], d, scale, &o, d, &lse, &scratch)
            return zip(o, dout).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let h = 1e-5
        let slope = (loss(h) - loss(-h)) / (2 * h)
        _ = loss(0)
        var dq = [Double](repeating: 0, count: s * d)
        var dk = dq
        var dv = dq
        l.attention_backward_f64(
            s, d, inputs[0], d, inputs[1], d, inputs[2], d, o, d, dout, d, lse, scale, &dq, d, &dk, &dv, &scratch)
        let along = zip([dq, dk, dv], direction).reduce(0.0) { $0 + zip($1.0, $1.1).reduce(0.0) { $0 + $1.0 * $1.1 } }
        #expect(abs(slope - along) <= 1e-8 * abs(slope))
    }

    @Test(arguments: LoopInstance.all) func queriesAtAnOffsetAgainstACache(_ instance: LoopInstance) {
        let l = instance.loops
        var g = SeededGenerator(53)
        for (n, pos0, d) in [(1, 0, 8), (1, 77, 64), (1, 128, 80), (3, 10, 22), (8, 60, 16), (9, 61, 16), (20, 55, 64), (70, 3, 32), (65, 64, 10)] {
            let keys = pos0 + n
            let q: [UInt16] = g.array(n * d, in: -2...2)
            let k: [UInt16] = g.array(keys * d, in: -2...2)
            let v: [UInt16] = g.array(keys * d)
            let naive = NaiveAttention(
                d: d, q: Self.rows(q, n, d, stride: d), k: Self.rows(k, keys, d, stride: d), v: Self.rows(v, keys, d, stride: d),
                dout: Self.rows(q, n, d, stride: d), scale: 0.25, firstPosition: pos0)
            var o = Guarded<UInt16>(n * d)
            var lse = Guarded<Float>(n)
            var scratch = Guarded<Float>(l.attention_forward_scratch_bf16(d))
            l.attention_forward_cached_bf16(n, pos0, d, q, d, k, d, v, d, 0.25, &o.storage, d, &lse.storage, &scratch.storage)
            #expect(scratch.marginIsIntact)
            expectClose(o, naive.o, compute: Float.self, error: instance.dotsBFloat16 ? 0x1p15 : 30, "bf16 n=\(n) at \(pos0) d=\(d)")
            expectClose(lse, naive.lse, compute: Float.self, error: 60, "bf16 lse n=\(n) at \(pos0) d=\(d)")
            let withLSE = o.values
            o = Guarded(n * d)
            l.attention_forward_cached_bf16(n, pos0, d, q, d, k, d, v, d, 0.25, &o.storage, d, nil, &scratch.storage)
            #expect(o.values == withLSE)
        }
    }

    @Test(arguments: LoopInstance.all) func blocksOfQueriesGiveTheBitsOfOneCall(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ zero: A, _ scratchSize: (Int) -> Int, _ whole: Forward<A, C>,
            _ block: (
                Int, Int, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, UnsafePointer<A>, Int, C, UnsafeMutablePointer<A>, Int,
                UnsafeMutablePointer<C>?, UnsafeMutablePointer<C>
            ) -> Void
        ) {
            var g = SeededGenerator(54)
            let d = 22
            for s in [195, 260, 193] {
                let q: [A] = g.array(s * d, in: -2...2)
                let k: [A] = g.array(s * d, in: -2...2)
                let v: [A] = g.array(s * d)
                let scale = C(rounding: 0.2)
                var scratch = Guarded<C>(scratchSize(d))
                var o = Guarded<A>(s * d)
                var lse = Guarded<C>(s)
                whole(s, d, q, d, k, d, v, d, scale, &o.storage, d, &lse.storage, &scratch.storage)
                for (from, to) in [(0, 64), (64, 192), (192, s)] {
                    var part = Guarded<A>((to - from) * d)
                    var partLSE = Guarded<C>(to - from)
                    block(
                        to - from, from, d, Array(q[from * d..<to * d]), d, k, d, v, d, scale, &part.storage, d, &partLSE.storage, &scratch.storage)
                    #expect(part.values == Array(o.values[from * d..<to * d]) && partLSE.values == Array(lse.values[from..<to]))
                }
            }
        }
        check(Float(0), l.attention_forward_scratch_f32, l.attention_forward_f32, l.attention_forward_cached_f32)
        check(0.0, l.attention_forward_scratch_f64, l.attention_forward_f64, l.attention_forward_cached_f64)
        check(UInt16(0), l.attention_forward_scratch_bf16, l.attention_forward_bf16, l.attention_forward_cached_bf16)
    }

    @Test(arguments: LoopInstance.all) func largeScoresDoNotOverflow(_ instance: LoopInstance) {
        let l = instance.loops
        let (s, d) = (150, 8)
        // Scores from -80000 to 80000: every row's softmax is one-hot at its largest key.
        let q = [Float](repeating: 100, count: s * d)
        let k = (0..<s * d).map { Float((($0 / d) * 53) % 150) * 1.3 - 100 }
        let v = (0..<s * d).map { Float($0 / d) }
        var o = Guarded<Float>(s * d)
        var lse = Guarded<Float>(s)
        var scratch = Guarded<Float>(l.attention_forward_scratch_f32(d))
        l.attention_forward_f32(s, d, q, d, k, d, v, d, 1, &o.storage, d, &lse.storage, &scratch.storage)
        for i in 0..<s {
            let best = (0...i).max { k[$0 * d] < k[$1 * d] }!
            #expect(o.values[i * d] == Float(best))
        }
    }
}
