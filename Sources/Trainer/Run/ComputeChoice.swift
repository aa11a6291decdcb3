import Kernels

/// What activations and products are computed in, and why. `dtype` `auto` measures; the choice is kept with what is computed, since other numbers would come out of another.
package struct ComputeChoice: Sendable, Equatable, Codable {
    /// "bf16" or "fp32".
    package let dtype: String
    /// Operations a second in the model's own products, where they were measured.
    package var bf16Speed: Double?
    package var fp32Speed: Double?

    package init(_ type: DType, bf16Speed: Double? = nil, fp32Speed: Double? = nil) {
        dtype = type == .bf16 ? "bf16" : "fp32"
        self.bf16Speed = bf16Speed
        self.fp32Speed = fp32Speed
    }

    /// A file may name another.
    var isKnown: Bool { dtype == ComputeChoice(type).dtype }
    package var type: DType { dtype == "bf16" ? .bf16 : .f32 }

    /// What a machine can do; another one for tests.
    package struct Machine: Sendable {
        /// Whether bf16 products run on instructions of their own.
        package var hasFastBFloat16: Bool
        /// Whether there are any.
        package var hasBFloat16: Bool
        /// Operations a second.
        package var speed: @Sendable (ProductMix, DType) -> Double

        package init(hasFastBFloat16: Bool, hasBFloat16: Bool, speed: @escaping @Sendable (ProductMix, DType) -> Double) {
            self.hasFastBFloat16 = hasFastBFloat16
            self.hasBFloat16 = hasBFloat16
            self.speed = speed
        }

        package static let own = Machine(hasFastBFloat16: GEMM.hasFastBFloat16, hasBFloat16: GEMM.hasBFloat16) { $0.speed($1) }
    }

    /// What `auto` was before it measured: that of runs whose checkpoints do not say.
    package static func unmeasured(on machine: Machine) -> ComputeChoice { ComputeChoice(machine.hasFastBFloat16 ? .bf16 : .f32) }

    /// The one that `dtype` asks for. `auto` takes what is known from before; else bf16 where a processor has products of it and does the mix at least as fast as in
    /// fp32.
    ///
    /// - Parameters:
    ///   - mix: the products that are to be computed.
    ///   - known: the choice that numbers have been computed with already.
    package static func make(
        _ precision: Configuration.Precision, _ mix: @autoclosure () -> ProductMix, known: ComputeChoice? = nil, on machine: Machine = .own
    ) throws(HealError) -> ComputeChoice {
        switch precision {
        case .fp32: return ComputeChoice(.f32)
        case .bf16:
            guard machine.hasFastBFloat16 || (known?.type == .bf16 && machine.hasBFloat16) else {
                let way = known == nil ? "set \"fp32\" or \"auto\"" : Self.otherMachine
                throw HealError(.configuration, "dtype: this processor does not compute in bf16; \(way)")
            }
            return ComputeChoice(.bf16)
        case .auto:
            if let known {
                guard known.type == .f32 || machine.hasBFloat16 else {
                    throw HealError(.configuration, "dtype: what is to go on was computed in bf16, which this processor does not do; \(Self.otherMachine)")
                }
                return known
            }
            guard machine.hasFastBFloat16 else { return ComputeChoice(.f32) }
            let mix = mix(), narrow = machine.speed(mix, .bf16), wide = machine.speed(mix, .f32)
            return ComputeChoice(narrow >= wide ? .bf16 : .f32, bf16Speed: narrow, fp32Speed: wide)
        }
    }

    private static let otherMachine =
        "go on where it does (x86 processors with AVX-512 have such products), or set \"fp32\" and accept with --allow-changes dtype that the numbers differ from here on"

    /// Such as "bf16 (measured: 270 GFLOP/s in bf16, 165 in fp32)".
    package var words: String {
        guard let bf16Speed, let fp32Speed else { return dtype }
        func figure(_ speed: Double) -> String { HumanFormat.significant(speed / 1e9, digits: 3) }
        return "\(dtype) (this model's products: \(figure(bf16Speed)) GFLOP/s in bf16, \(figure(fp32Speed)) in fp32)"
    }
}

extension DecompositionCache {
    private static let computeName = "compute"

    /// The choice that what is kept here was computed with, for products like these.
    func computeChoice(_ mix: ProductMix) -> ComputeChoice? { load(Self.computeName, Key("compute 1, \(mix.text)"), as: ComputeChoice.self) }

    /// Keeps a choice that was measured, so that a later run finds what this one leaves.
    func keep(_ choice: ComputeChoice, _ mix: ProductMix) {
        guard choice.bf16Speed != nil, computeChoice(mix) == nil else { return }
        store(Self.computeName, Key("compute 1, \(mix.text)"), choice)
    }
}
