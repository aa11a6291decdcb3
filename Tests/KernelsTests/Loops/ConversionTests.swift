import CShims
import Testing

@Suite struct ConversionTests {
    /// Random bit patterns (all exponents, NaN, infinities, subnormals) and exact ties between neighbours of bfloat16 and binary16.
    static let patterns: [Float] = {
        var g = SeededGenerator(11)
        var bits = (0..<40_000).map { _ in UInt32(truncatingIfNeeded: g.next()) }
        for high in 0..<UInt32(4000) {
            let spread = high &* 0x0010_3001
            bits += [spread & 0xffff_0000 | 0x8000, spread & 0xffff_0000 | 0x7fff, spread & 0xffff_0000 | 0x8001]
            bits += [spread & 0xffff_e000 | 0x1000, spread & 0xffff_e000 | 0x0fff, spread & 0xffff_e000 | 0x1001]
        }
        bits += [0, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7f80_0001, 0xffff_ffff, 0x7f7f_ffff, 0x7f7f_7fff, 0x7f7f_8000]
        bits += [0x477f_e000, 0x477f_efff, 0x477f_f000, 0x4780_0000, 0x3880_0000, 0x387f_ffff, 0x3300_0000, 0x3300_0001, 0x32ff_ffff]
        // Half's subnormal range, densely.
        bits += (0..<20_000).map { 0x3280_0000 + UInt32($0) &* 5003 }
        return bits.map(Float.init(bitPattern:))
    }()

    @Test(arguments: LoopInstance.all) func bfloat16(_ instance: LoopInstance) {
        let x = Self.patterns
        var out = Guarded<UInt16>(x.count)
        instance.loops.convert_f32_to_bf16(x.count, x, &out.storage)
        #expect(out.marginIsIntact)
        var wrong = 0
        for (f, h) in zip(x, out.values) {
            let back = Float(bitPattern: UInt32(h) << 16)
            if f.isNaN {
                wrong += back.isNaN ? 0 : 1
            } else if f.isFinite && abs(f) < Float(bitPattern: 0x7f7f_8000) {
                wrong += h == UInt16(rounding: Double(f)) ? 0 : 1
            } else {
                wrong += back == (f > 0 ? .infinity : -.infinity) ? 0 : 1
            }
        }
        #expect(wrong == 0)

        let all = (0...UInt16.max).map { $0 }
        var wide = Guarded<Float>(all.count)
        instance.loops.convert_bf16_to_f32(all.count, all, &wide.storage)
        #expect(wide.values.map(\.bitPattern) == all.map { UInt32($0) << 16 })
    }

    @Test(arguments: LoopInstance.all) func binary16(_ instance: LoopInstance) {
        let x = Self.patterns
        var out = Guarded<UInt16>(x.count)
        instance.loops.convert_f32_to_f16(x.count, x, &out.storage)
        #expect(out.marginIsIntact)
        let wrong = zip(x, out.values).filter { f, h in
            let back = Float16(bitPattern: h)
            return f.isNaN ? !back.isNaN : h != Float16(f).bitPattern
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(5).map { ($0.0, $0.0.bitPattern, $0.1) })")

        let all = (0...UInt16.max).map { $0 }
        var wide = Guarded<Float>(all.count)
        instance.loops.convert_f16_to_f32(all.count, all, &wide.storage)
        let unequal = zip(all, wide.values).filter { h, f in
            let half = Float16(bitPattern: h)
            return half.isNaN ? !f.isNaN : f.bitPattern != Float(half).bitPattern
        }
        #expect(unequal.isEmpty)
    }

    @Test(arguments: LoopInstance.all) func everyLength(_ instance: LoopInstance) {
        let l = instance.loops
        var g = SeededGenerator(12)
        for n in awkwardLengths {
            let x: [Float] = g.array(n, in: -70_000...70_000)
            let d: [Double] = g.array(n)
            var h = Guarded<UInt16>(n)
            l.convert_f32_to_bf16(n, x, &h.storage)
            #expect(h.marginIsIntact && h.values == x.map { UInt16(rounding: Double($0)) }, "bf16 \(n)")
            h = Guarded(n)
            l.convert_f32_to_f16(n, x, &h.storage)
            #expect(h.marginIsIntact && h.values == x.map { Float16($0).bitPattern }, "f16 \(n)")
            var f = Guarded<Float>(n)
            l.convert_f16_to_f32(n, h.storage, &f.storage)
            #expect(f.marginIsIntact && f.values == h.values.map { Float(Float16(bitPattern: $0)) }, "from f16 \(n)")
            f = Guarded(n)
            l.convert_bf16_to_f32(n, h.storage, &f.storage)
            #expect(f.marginIsIntact && f.values.map(\.bitPattern) == h.values.map { UInt32($0) << 16 }, "from bf16 \(n)")
            f = Guarded(n)
            l.convert_f64_to_f32(n, d, &f.storage)
            #expect(f.marginIsIntact && f.values == d.map { Float($0) }, "f64 to f32 \(n)")
            var w = Guarded<Double>(n)
            l.convert_f32_to_f64(n, x, &w.storage)
            #expect(w.marginIsIntact && w.values == x.map { Double($0) }, "f32 to f64 \(n)")
        }
    }
}
