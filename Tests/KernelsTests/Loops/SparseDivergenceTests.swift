import CShims
import Foundation
import Testing

/// `sparse_kl_row` against its definition.
@Suite struct SparseDivergenceTests {
    /// a CE + b T^2 D and its gradient, from the definitions.
    private struct Reference {
        var ce = 0.0, kl = 0.0
        var gradient: [Double]

        init(_ z: [Double], label: Int, ids: [Int32], p: [Double], rest: Double, temperature T: Double, a: Double, b: Double) {
            let plain = LossTests.softmax(z), q = LossTests.softmax(z.map { $0 / T }).p, named = Set(ids.map(Int.init))
            gradient = plain.p.map { label < 0 ? 0 : a * $0 }
            if label >= 0 {
                ce = plain.lse - z[label]
                gradient[label] -= a
            }
            for (id, p) in zip(ids, p) where p > 0 { kl += T * T * p * log(p / q[Int(id)]) }
            let others = z.indices.reduce(0.0) { $0 + (named.contains($1) ? 0 : q[$1]) }
            if rest > 0 { kl += T * T * rest * log(rest / others) }
            let mass = p.reduce(rest, +)
            for j in z.indices {
                let target = named.contains(j) ? p[ids.firstIndex(of: Int32(j))!] : rest > 0 ? rest * q[j] / others : 0
                gradient[j] += b * T * (mass * q[j] - target)
            }
        }
    }

    @Test(arguments: LoopInstance.all) func definition(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ zero: A,
            _ row: (
                Int, UnsafeMutablePointer<C>, Int, Int, UnsafePointer<Int32>, UnsafePointer<C>, C, C, C, C, UnsafeMutablePointer<C>, UnsafeMutablePointer<C>,
                UnsafeMutablePointer<A>?, Int32, UnsafeMutablePointer<C>
            ) -> Void
        ) {
            var g = SeededGenerator(46)
            for (vocabulary, count) in [(1, 1), (7, 0), (7, 3), (7, 7), (64, 10), (65, 1), (129, 40), (1000, 64), (49_152, 64)] {
                for (temperature, a, b) in [(1.0, 0.5, 0.5), (2, 0.25, 0.75), (0.5, 0, 1)] {
                    let c = { C(rounding: $0) }
                    let z: [C] = g.array(vocabulary, in: -6...6)
                    let ids = (0..<vocabulary).map(Int32.init).shuffled(using: &g).prefix(count).map(\.self)
                    var p: [C] = g.array(count, in: 0.001...0.03)
                    if count > 3 { p[1] = c(0) }
                    // None for all tokens; and, as with drawn tokens, none for some.
                    let rest = count == vocabulary || count == 40 ? c(0) : c(0.2)
                    // No label, one that is named, one that is not.
                    let labels = [-100] + (count > 0 ? [Int(ids[0])] : []) + (0..<vocabulary).filter { !ids.contains(Int32($0)) }.prefix(1)
                    for label in labels {
                        let reference = Reference(
                            z.doubles, label: label, ids: ids, p: p.doubles, rest: rest.double, temperature: c(temperature).double, a: c(a).double,
                            b: c(b).double)
                        let words = "\(name) V=\(vocabulary) k=\(count) T=\(temperature) label \(label)"
                        for want in [0, 1, 2] {  // nothing, in place, separate
                            var x = Guarded(z), ce = Guarded<C>(1), kl = Guarded<C>(1), scratch = Guarded<C>(max(1, count)), dz = Guarded<A>(vocabulary)
                            dz.storage.withUnsafeMutableBufferPointer {
                                row(
                                    vocabulary, &x.storage, label, count, ids + [0], p + [c(0)], rest, c(temperature), c(a), c(b), &ce.storage, &kl.storage,
                                    want == 2 ? $0.baseAddress! : nil, want == 0 ? 0 : 1, &scratch.storage)
                            }
                            expectClose(ce, [reference.ce], compute: C.self, error: 100, "\(words) ce")
                            expectClose(kl, [reference.kl], compute: C.self, error: 100 * temperature * temperature, "\(words) kl")
                            #expect(scratch.marginIsIntact)
                            if want == 1 {
                                expectClose(x, reference.gradient, compute: C.self, error: 40 * max(1, temperature), "\(words) in place")
                            } else {
                                #expect(x.values == z, "\(words): the student's logits changed")
                            }
                            if want == 2 { expectClose(dz, reference.gradient, compute: C.self, error: 40 * max(1, temperature), "\(words) dlogits") }
                        }
                    }
                }
            }
        }
        check("f32", Float(0), l.sparse_kl_row_f32)
        check("f64", 0.0, l.sparse_kl_row_f64)
        check("bf16", UInt16(0), l.sparse_kl_row_bf16)
    }

    /// A small share of the other tokens is not lost beside the named ones', which are nearly all.
    @Test(arguments: LoopInstance.all) func smallTail(_ instance: LoopInstance) {
        var z = [Float](repeating: -14, count: 50)
        z[3] = 6
        let q = LossTests.softmax(z.map(Double.init)).p, others = 1 - q[3], rest = 3e-7
        var ce: Float = 0, kl: Float = 0, scratch: Float = 0
        instance.loops.sparse_kl_row_f32(50, &z, -1, 1, [3], [Float(1 - rest)], Float(rest), 1, 0, 1, &ce, &kl, nil, 1, &scratch)
        // All others alike: each has a 49th of the mass.
        let pull = (others - rest) / 49
        #expect(abs(Double(z[10]) - pull) < 1e-4 * abs(pull), "\(z[10]), expected \(pull)")
    }
}
