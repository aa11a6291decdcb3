import CShims
import Foundation
import Testing

@testable import Kernels

/// AdamW with bf16 parameters and 8-bit moments: the arithmetic is that of AdamW, and rounding keeps the mean.
@Suite struct AdamWNarrowTests {
    private static let rates = heal_adamw_rates(
        lr: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 0.1, bias_correction1: 0.271, bias_correction2: 0.029701, grad_scale: 0.5)

    /// What a code stands for, from its definition.
    private static func value(_ code: UInt8, bias: Double, signed: Bool) -> Double {
        let steps = Int(signed ? code & 0x7F : code), octave = steps / 16, piece = Double(steps % 16) / 16
        let magnitude = bias * (Double(sign: .plus, exponent: octave, significand: 1) * (1 + piece) - 1)
        return signed && code & 0x80 != 0 ? -magnitude : magnitude
    }
    private static let mValues = (0...UInt8.max).map { value($0, bias: 0x1p-8, signed: true) }
    private static let vValues = (0...UInt8.max).map { value($0, bias: 0x1p-16, signed: false) }

    private struct State {
        var m: Guarded<UInt8>, v: Guarded<UInt8>, mScale: [Float], vScale: [Float]
        func m(_ i: Int) -> Double { AdamWNarrowTests.mValues[Int(m.storage[i])] * Double(mScale[i / 256]) }
        func v(_ i: Int) -> Double { AdamWNarrowTests.vValues[Int(v.storage[i])] * Double(vScale[i / 256]) }
    }

    /// Distance between the code's neighbours and the value, in steps of the code.
    private static func isNeighbour(_ found: Double, of exact: Double, scale: Float, smallest: Double) -> Bool {
        if scale == 0 { return found == exact }
        // Steps are 1/16 of the octave of |x| + bias, never less than the first; the neighbour above may lie in the next octave.
        let x = abs(exact) / Double(scale) + 16 * smallest
        let step = Double(scale) * (Double(sign: .plus, exponent: x.exponent, significand: 1) / 16)
        return abs(found - exact) <= step * 1.0001
    }

    @Test(arguments: LoopInstance.all) func momentsAndParametersFollowAdamW(_ instance: LoopInstance) {
        for n in awkwardLengths + [255, 256, 257, 700] {
            var g = SeededGenerator(n + 1)
            var p = Guarded<Float>(g.array(n)), state = State(
                m: Guarded(n, filledWith: 0), v: Guarded(n, filledWith: 0), mScale: Array(repeating: 0, count: n / 256 + 1),
                vScale: Array(repeating: 0, count: n / 256 + 1))
            for step in 0..<6 {
                let before = (p.values.doubles, (0..<n).map { state.m($0) }, (0..<n).map { state.v($0) })
                // Magnitudes over many octaves; some are zero.
                let gradient: [Float] = (0..<n).map { i in i % 11 == 3 ? 0 : Float.random(in: -1...1, using: &g) * Float(sign: .plus, exponent: -(i % 14), significand: 1) }
                var rates = Self.rates
                instance.loops.adamw_8bit_f32(
                    n, &p.storage, gradient, &state.m.storage, &state.mScale, &state.v.storage, &state.vScale, &rates, UInt32(step))
                #expect(p.marginIsIntact && state.m.marginIsIntact && state.v.marginIsIntact)
                var wrong: [Int] = []
                for i in 0..<n {
                    let gi = 0.5 * Double(gradient[i]), m = before.1[i] + 0.1 * (gi - before.1[i]), v = 0.99 * before.2[i] + 0.01 * gi * gi
                    let expected = before.0[i] * (1 - 1e-4) - 1e-3 / 0.271 * m / ((v / 0.029701).squareRoot() + 1e-8)
                    if abs(p.storage[i].double - expected) > 2e-6 { wrong.append(i) }
                    if !Self.isNeighbour(state.m(i), of: m, scale: state.mScale[i / 256], smallest: 0x1p-12) { wrong.append(i) }
                    if !Self.isNeighbour(state.v(i), of: v, scale: state.vScale[i / 256], smallest: 0x1p-20) { wrong.append(i) }
                    if v > 0, state.v.storage[i] == 0 { wrong.append(i) }
                }
                #expect(wrong.isEmpty, "\(n) elements, step \(step): \(wrong.prefix(5))")
            }
        }
    }

    /// Wide moments to codes and back: each comes to the nearest code, zero stays zero, and a second moment above zero stays above it.
    @Test func conversion() {
        for n in [1, 255, 256, 257, 700] {
            var g = SeededGenerator(n)
            let m: [Float] = (0..<n).map { i in i % 7 == 2 ? 0 : Float.random(in: -1...1, using: &g) * Float(sign: .plus, exponent: -(i % 9), significand: 1) }
            let v: [Float] = (0..<n).map { i in i % 7 == 2 ? 0 : Float.random(in: 0...1, using: &g) * Float(sign: .plus, exponent: -(i % 30), significand: 1) }
            let moments = BlockwiseMoments(count: n)
            moments.code(m: Tensor(m, [n]), v: Tensor(v, [n]))
            let (m2, v2) = (Tensor([n], .f32), Tensor([n], .f32))
            moments.decode(m: m2, v: v2)
            var wrong: [Int] = []
            for i in 0..<n {
                let (mFound, vFound) = (m2.base.f32[i].double, v2.base.f32[i].double)
                let mScale = moments.mScale.base.f32[i / 256], vScale = moments.vScale.base.f32[i / 256]
                // Nearest: no other code is nearer.
                let mBest = Self.mValues.map { abs($0 * Double(mScale) - Double(m[i])) }.min()!
                let vBest = Self.vValues.map { abs($0 * Double(vScale) - Double(v[i])) }.min()!
                if abs(mFound - Double(m[i])) > mBest + 1e-6 * Double(mScale) { wrong.append(i) }
                if abs(vFound - Double(v[i])) > vBest + 1e-6 * Double(vScale), vFound > Self.vValues[1] * Double(vScale) * 1.0001 { wrong.append(i) }
                if (v[i] > 0) != (vFound > 0) || m[i] == 0 && mFound != 0 { wrong.append(i) }
            }
            #expect(wrong.isEmpty, "\(n) elements: \(wrong.prefix(5))")
        }
        let zero = BlockwiseMoments(count: 300)
        zero.code(m: .zeros([300], .f32), v: .zeros([300], .f32))
        #expect(zero.m.allSatisfy { $0 == 0 } && zero.v.allSatisfy { $0 == 0 })
    }

    /// Many equal elements beside one that sets the scale: their codes differ, the mean is theirs.
    @Test(arguments: LoopInstance.all) func codingKeepsTheMean(_ instance: LoopInstance) {
        let n = 256 * 200
        for value: Float in [0.7, 0.013, -0.3, -0.0021] {
            var p = Guarded<Float>(n, filledWith: 0), m = Guarded<UInt8>(n, filledWith: 0), v = Guarded<UInt8>(n, filledWith: 0)
            var mScale = [Float](repeating: 0, count: 200), vScale = mScale
            let gradient = (0..<n).map { $0 % 256 == 0 ? 2 : 2 * value }
            var rates = Self.rates
            rates.beta2 = 0
            rates.beta1 = 0
            instance.loops.adamw_8bit_f32(n, &p.storage, gradient, &m.storage, &mScale, &v.storage, &vScale, &rates, 5)
            let state = State(m: m, v: v, mScale: mScale, vScale: vScale)
            let others = (0..<n).filter { $0 % 256 != 0 }
            let meanM = others.reduce(0) { $0 + state.m($1) } / Double(others.count), meanV = others.reduce(0) { $0 + state.v($1) } / Double(others.count)
            #expect(Set(others.map { m.storage[$0] }).count == 2 && Set(others.map { v.storage[$0] }).count == 2, "\(value)")
            // A standard deviation of the mean is at most 0.03 / sqrt(51000) of it; five of them.
            #expect(abs(meanM / Double(value) - 1) < 7e-4, "\(value): \(meanM)")
            #expect(abs(meanV / Double(value * value) - 1) < 7e-4, "\(value): \(meanV)")
            #expect(abs(state.m(256) - 1) < 1e-6 && abs(state.v(256) - 1) < 1e-6, "the largest of a block keeps its value")
        }
    }

    /// An update of a fifth of the last place moves every fifth element.
    @Test(arguments: LoopInstance.all) func bfloat16KeepsTheMean(_ instance: LoopInstance) {
        let n = 40_000, last = 0x1p-7
        for withCodes in [false, true] {
            var p = Guarded<UInt16>(Array(repeating: UInt16(rounding: 1.5), count: n))
            var rates = Self.rates
            rates.weight_decay = 0
            rates.lr = last / 5
            // The first step of Adam has the size of the learning rate.
            rates.bias_correction1 = 0.1
            rates.bias_correction2 = 0.01
            let gradient = [Float](repeating: 3, count: n)
            if withCodes {
                var m = Guarded<UInt8>(n, filledWith: 0), v = Guarded<UInt8>(n, filledWith: 0)
                var mScale = [Float](repeating: 0, count: n / 256 + 1), vScale = mScale
                instance.loops.adamw_8bit_bf16(n, &p.storage, gradient, &m.storage, &mScale, &v.storage, &vScale, &rates, 9)
            } else {
                var m = [Float](repeating: 0, count: n), v = m
                instance.loops.adamw_bf16(n, &p.storage, gradient, &m, &v, &rates, 9)
            }
            #expect(p.marginIsIntact && Set(p.values.doubles) == [1.5, 1.5 - last])
            let moved = Double(p.values.count { $0.double < 1.5 }) / Double(n)
            // One standard deviation is 0.002.
            #expect(abs(moved - 0.2) < 0.01, "\(moved)")
            // Without a step nothing moves.
            let before = p.values
            rates.lr = 0
            var m = [Float](repeating: 1, count: n), v = m
            instance.loops.adamw_bf16(n, &p.storage, gradient, &m, &v, &rates, 10)
            #expect(p.values == before)
        }
    }

    /// Bits depend on seed, step, parameter and element, and on all of them.
    @Test func roundingBits() {
        func bits(_ seed: Int, _ step: Int, _ parameter: Int) -> [UInt32] {
            let random = RoundingBits(seed: seed, step: step, parameter: parameter)
            return (0..<100).map { random.key(block: $0) }
        }
        #expect(bits(1, 2, 3) == bits(1, 2, 3))
        let all = [bits(1, 2, 3), bits(2, 2, 3), bits(1, 3, 3), bits(1, 2, 4), bits(1, 3, 2)].flatMap { $0 }
        #expect(Set(all).count == all.count)
    }

    /// The same bits for any number of threads, over several blocks of work.
    @Test func threads() {
        let n = 100_000
        func run(_ threads: Int) -> [[UInt8]] {
            let before = Parallel.threads
            Parallel.threads = threads
            defer { Parallel.threads = before }
            var g = SeededGenerator(3)
            let p = Elementwise.convert(Tensor(g.array(n) as [Float], [n]), to: .bf16), moments = BlockwiseMoments(count: n)
            for step in 1...3 {
                AdamWLoop.update(
                    p, gradient: Tensor(g.array(n) as [Float], [n]), moments: moments,
                    rates: .init(learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: step, gradientScale: 1),
                    random: RoundingBits(seed: 1, step: step, parameter: 0))
            }
            return [Array(UnsafeRawBufferPointer(start: p.base, count: p.byteCount)), Array(moments.m), Array(moments.v)]
        }
        let one = run(1)
        #expect(one == run(2) && one == run(5))
    }
}

extension UInt8: LoopElement {
    init(rounding x: Double) { self = UInt8(truncatingIfNeeded: Int(x)) }
    var double: Double { Double(self) }
    static var unitRoundoff: Double { 0 }
}
