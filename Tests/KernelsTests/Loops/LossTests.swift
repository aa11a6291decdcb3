import CShims
import Foundation
import Testing

@Suite struct LossTests {
    static func softmax(_ x: [Double]) -> (p: [Double], lse: Double) {
        let m = x.max() ?? 0
        let lse = m + log(x.reduce(0) { $0 + exp($1 - m) })
        return (x.map { exp($0 - lse) }, lse)
    }

    struct Row {
        var ce = 0.0
        var kl = 0.0
        var lse = 0.0
        var gradient: [Double]

        /// scale (a ce + b T^2 KL), from the definitions.
        init(student: [Double], teacher: [Double]?, label: Int32, temperature: Double, ce a: Double, kl b: Double, scale: Double) {
            gradient = Array(repeating: 0, count: student.count)
            guard label >= 0 else { return }
            let plain = softmax(student)
            lse = plain.lse
            ce = plain.lse - student[Int(label)]
            for j in student.indices { gradient[j] = scale * a * (plain.p[j] - (j == Int(label) ? 1 : 0)) }
            guard let teacher else { return }
            let q = softmax(student.map { $0 / temperature })
            let p = softmax(teacher.map { $0 / temperature })
            for j in student.indices {
                kl += temperature * temperature * (p.p[j] == 0 ? 0 : p.p[j] * (log(p.p[j]) - log(q.p[j])))
                gradient[j] += scale * b * temperature * (q.p[j] - p.p[j])
            }
        }
    }

    static let vocabularies = [1, 2, 7, 16, 31, 64, 65, 129, 1000]

    static func labels(_ rows: Int, _ vocabulary: Int) -> [Int32] {
        (0..<rows).map { $0 == 1 ? -100 : Int32(($0 * 31 + vocabulary - 1) % vocabulary) }
    }

    @Test(arguments: LoopInstance.all) func crossEntropy(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ zero: A,
            _ rows: (
                Int, Int, UnsafeMutablePointer<C>, Int, UnsafePointer<Int32>, C, UnsafeMutablePointer<C>, UnsafeMutablePointer<C>,
                UnsafeMutablePointer<A>?, Int, Int32
            ) -> Void
        ) {
            var g = SeededGenerator(41)
            for vocabulary in Self.vocabularies {
                let (count, stride) = (4, vocabulary + 3)
                let labels = Self.labels(count, vocabulary)
                let logits: [C] = g.array(count * stride, in: -8...8)
                let scale = C(rounding: 0.37)
                let references = (0..<count).map { t in
                    Row(
                        student: logits[t * stride..<t * stride + vocabulary].map(\.double), teacher: nil, label: labels[t], temperature: 1, ce: 1,
                        kl: 0, scale: scale.double)
                }
                let label = "\(name) V=\(vocabulary)"
                var x = Guarded(logits)
                var loss = Guarded<C>(count)
                var lse = Guarded<C>(count)
                rows(count, vocabulary, &x.storage, stride, labels, scale, &loss.storage, &lse.storage, nil, 0, 0)
                #expect(x.values == logits, "\(label): logits changed without a gradient wanted")
                expectClose(loss, references.map(\.ce), compute: C.self, error: 60, "\(label) loss")
                expectClose(lse, references.map(\.lse), compute: C.self, error: 60, "\(label) lse")

                var separate = Guarded<A>(count * vocabulary)
                rows(count, vocabulary, &x.storage, stride, labels, scale, &loss.storage, &lse.storage, &separate.storage, vocabulary, 1)
                #expect(x.values == logits, "\(label): logits changed with dlogits given")
                expectClose(separate, references.flatMap(\.gradient), compute: C.self, error: 20, "\(label) dlogits")

                rows(count, vocabulary, &x.storage, stride, labels, scale, &loss.storage, &lse.storage, nil, 0, 1)
                let inPlace = (0..<count * stride).map { i in
                    i % stride < vocabulary ? references[i / stride].gradient[i % stride] : logits[i].double
                }
                expectClose(x, inPlace, compute: C.self, error: 20, "\(label) in place")
                expectClose(loss, references.map(\.ce), compute: C.self, error: 60, "\(label) loss again")
            }
            // A label outside the vocabulary shows as NaN and touches nothing else.
            var x = Guarded<C>((0..<5).map { C(rounding: Double($0)) })
            var loss = Guarded<C>(1)
            var lse = Guarded<C>(1)
            rows(1, 5, &x.storage, 5, [5], C(rounding: 1), &loss.storage, &lse.storage, nil, 0, 1)
            #expect(loss.values[0].double.isNaN && x.marginIsIntact, "\(name) label too large")
        }
        check("f32", Float(0), l.cross_entropy_rows_f32)
        check("f64", 0.0, l.cross_entropy_rows_f64)
        check("bf16", UInt16(0), l.cross_entropy_rows_bf16)
    }

    @Test(arguments: LoopInstance.all) func blocksOverTheVocabularyEqualWholeRows(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ zero: A, _ update: (Int, Int, UnsafePointer<C>, Int, C, UnsafeMutablePointer<C>, UnsafeMutablePointer<C>) -> Void,
            _ gradient: (
                Int, Int, Int, UnsafeMutablePointer<C>, Int, UnsafePointer<Int32>, UnsafePointer<C>, C, UnsafeMutablePointer<A>?, Int
            ) -> Void
        ) {
            var g = SeededGenerator(42)
            let (count, vocabulary) = (3, 217)
            let labels = Self.labels(count, vocabulary)
            var logits: [C] = g.array(count * vocabulary, in: -30...30)
            for j in 0..<90 { logits[2 * vocabulary + j] = C(rounding: -.infinity) }  // the last row's first block is empty
            let references = (0..<count).map { t in
                Row(
                    student: logits[t * vocabulary..<(t + 1) * vocabulary].map(\.double), teacher: nil, label: labels[t], temperature: 1, ce: 1,
                    kl: 0, scale: 2)
            }
            let lses = (0..<count).map { Self.softmax(logits[$0 * vocabulary..<($0 + 1) * vocabulary].map(\.double)).lse }
            let bounds = [0, 64, 65, 150, 150, 217]
            var m = Guarded<C>(count, filledWith: C(rounding: -.infinity))
            var s = Guarded<C>(count, filledWith: C(rounding: 0))
            for (from, to) in zip(bounds, bounds.dropFirst()) {
                logits.withUnsafeBufferPointer {
                    update(count, to - from, $0.baseAddress! + from, vocabulary, C(rounding: 1), &m.storage, &s.storage)
                }
            }
            let lse = zip(m.values.doubles, s.values.doubles).map { C(rounding: $0 + log($1)) }
            expectClose(Guarded(lse), lses, compute: C.self, error: 100, "\(name) lse")

            var inPlace = Guarded(logits)
            var separate = Guarded<A>(count * vocabulary)
            for (from, to) in zip(bounds, bounds.dropFirst()) {
                inPlace.storage.withUnsafeMutableBufferPointer { x in
                    separate.storage.withUnsafeMutableBufferPointer { d in
                        let x = x.baseAddress! + from
                        let d = d.baseAddress! + from
                        gradient(count, to - from, from, x, vocabulary, labels, lse, C(rounding: 2), d, vocabulary)
                        gradient(count, to - from, from, x, vocabulary, labels, lse, C(rounding: 2), nil, 0)
                    }
                }
            }
            expectClose(inPlace, references.flatMap(\.gradient), compute: C.self, error: 200, "\(name) in place")
            expectClose(separate, references.flatMap(\.gradient), compute: C.self, error: 200, "\(name) dlogits")
        }
        check("f32", Float(0), l.lse_update_f32, l.softmax_grad_block_f32)
        check("f64", 0.0, l.lse_update_f64, l.softmax_grad_block_f64)
        check("bf16", UInt16(0), l.lse_update_f32, l.softmax_grad_block_bf16)
    }

    @Test(arguments: LoopInstance.all) func distillation(_ instance: LoopInstance) {
        let l = instance.loops
        func check<A: LoopElement, C: LoopElement>(
            _ name: String, _ zero: A,
            _ rows: (
                Int, Int, UnsafeMutablePointer<C>, Int, UnsafePointer<C>, Int, UnsafePointer<Int32>, C, C, C, C, UnsafeMutablePointer<C>,
                UnsafeMutablePointer<C>, UnsafeMutablePointer<C>, UnsafeMutablePointer<A>?, Int, Int32
            ) -> Void
        ) {
            var g = SeededGenerator(43)
            for (vocabulary, temperature, a, b) in [(1, 1.0, 0.5, 0.5), (7, 2, 0.25, 0.75), (64, 1, 0, 1), (129, 4, 1, 0.5), (1000, 1, 0.3, 0.7)] {
                let count = 3
                let labels = Self.labels(count, vocabulary)
                let student: [C] = g.array(count * vocabulary, in: -6...6)
                var teacher: [C] = g.array(count * (vocabulary + 2), in: -6...6)
                if vocabulary > 7 { teacher[3] = C(rounding: -.infinity) }  // a token that the teacher rules out
                let c = { C(rounding: $0) }
                let references = (0..<count).map { t in
                    Row(
                        student: student[t * vocabulary..<(t + 1) * vocabulary].map(\.double),
                        teacher: teacher[t * (vocabulary + 2)..<t * (vocabulary + 2) + vocabulary].map(\.double), label: labels[t],
                        temperature: temperature, ce: c(a).double, kl: c(b).double, scale: c(0.7).double)
                }
                let label = "\(name) V=\(vocabulary) T=\(temperature)"
                for want in [0, 1, 2] {  // nothing, in place, separate
                    var z = Guarded(student)
                    var ce = Guarded<C>(count)
                    var kl = Guarded<C>(count)
                    var lse = Guarded<C>(count)
                    var dz = Guarded<A>(count * vocabulary)
                    dz.storage.withUnsafeMutableBufferPointer {
                        rows(
                            count, vocabulary, &z.storage, vocabulary, teacher, vocabulary + 2, labels, c(temperature), c(a), c(b), c(0.7), &ce.storage,
                            &kl.storage, &lse.storage, want == 2 ? $0.baseAddress! : nil, vocabulary, want == 0 ? 0 : 1)
                    }
                    expectClose(ce, references.map(\.ce), compute: C.self, error: 60, "\(label) ce")
                    expectClose(kl, references.map(\.kl), compute: C.self, error: 100 * temperature * temperature, "\(label) kl")
                    expectClose(lse, references.map(\.lse), compute: C.self, error: 60, "\(label) lse")
                    let gradient = references.flatMap(\.gradient)
                    if want == 1 {
                        expectClose(z, gradient, compute: C.self, error: 40 * temperature, "\(label) in place")
                    } else {
                        #expect(z.values == student, "\(label): the student's logits changed")
                    }
                    if want == 2 { expectClose(dz, gradient, compute: C.self, error: 40 * temperature, "\(label) dlogits") }
                }
            }
        }
        check("f32", Float(0), l.kl_rows_f32)
        check("f64", 0.0, l.kl_rows_f64)
        check("bf16", UInt16(0), l.kl_rows_bf16)
    }

    @Test(arguments: LoopInstance.all) func distillationInBlocksEqualsWholeRows(_ instance: LoopInstance) {
        let l = instance.loops
        var g = SeededGenerator(44)
        let (vocabulary, temperature, bounds) = (150, 2.0, [0, 33, 97, 150])
        let student: [Double] = g.array(vocabulary, in: -6...6)
        let teacher: [Double] = g.array(vocabulary, in: -6...6)
        let reference = Row(student: student, teacher: teacher, label: 60, temperature: temperature, ce: 0.4, kl: 0.6, scale: 1.5)
        let lse = [Self.softmax(student).lse]
        let studentLSE = [Self.softmax(student.map { $0 / temperature }).lse]
        let teacherLSE = [Self.softmax(teacher.map { $0 / temperature }).lse]
        var kl = Guarded([0.0])
        var z = Guarded(student)
        for (from, to) in zip(bounds, bounds.dropFirst()) {
            z.storage.withUnsafeMutableBufferPointer { z in
                teacher.withUnsafeBufferPointer { y in
                    l.kl_block_f64(
                        1, to - from, from, z.baseAddress! + from, vocabulary, y.baseAddress! + from, vocabulary, [60], temperature, 0.4, 0.6, 1.5, lse,
                        studentLSE, teacherLSE, &kl.storage, nil, 0, 1)
                }
            }
        }
        expectClose(kl, [reference.kl], compute: Double.self, error: 100, "kl")
        expectClose(z, reference.gradient, compute: Double.self, error: 40, "gradient")
    }
}
