import Models
import TensorTrain

/// Which matrices of a model become MPOs, with which factors and bonds.
package struct CompressionPlan: Sendable {
    package struct Entry: Sendable {
        /// The checkpoint's name without `.weight`.
        package let name: String
        package let out: Int
        package let `in`: Int
        /// nil: stays dense. Where legs are searched for, what is taken at worst.
        package let layout: MPOLayout?
        /// Whether the legs of ``layout`` are provisional: others are chosen at equal parameters when the matrix is fitted.
        package let searchesLegs: Bool
        /// Whether the size of ``layout`` is provisional: it shares a total with others of that kind, which is spread when the model is calibrated.
        package let sharesBudget: Bool

        package init(name: String, out: Int, in input: Int, layout: MPOLayout?, searchesLegs: Bool = false, sharesBudget: Bool = false) {
            self.name = name
            self.out = out
            self.in = input
            self.layout = layout
            self.searchesLegs = searchesLegs
            self.sharesBudget = sharesBudget
        }

        /// The same matrix at another size; one of the dense matrix's own size is a single core, which is trained like others.
        func resized(to parameters: Int) throws -> Entry {
            guard let layout else { return self }
            let isWhole = parameters >= denseCount
            // Half a parameter, so that rounding takes no bond away.
            let keep = (Double(parameters) + 0.5) / Double(denseCount)
            let resized =
                if isWhole { try MPOLayout(outFactors: [out], inFactors: [`in`], limit: .exact) } else {
                    try MPOLayout(outFactors: layout.outFactors, inFactors: layout.inFactors, limit: .keep(keep))
                }
            return Entry(name: name, out: out, in: `in`, layout: resized, searchesLegs: searchesLegs && !isWhole)
        }

        package var denseCount: Int { out * `in` }
        package var parameterCount: Int { layout?.parameterCount ?? denseCount }
    }
    package let entries: [Entry]
    /// Parameters of everything that is not a block matrix: embedding, head, norms, biases.
    package let otherCount: Int

    /// - Throws: every matrix whose factors or bonds are impossible, with the name.
    package init(_ model: LlamaConfiguration, _ compression: CompressionConfiguration, present: [String: MPOLayout] = [:]) throws {
        var issues: [String] = []
        var entries: [Entry] = []
        for (name, out, input) in LlamaNames.matrixShapes(model) {
            var layout = present[name], searchesLegs = false
            if layout == nil, case .mpo(let cores, let size, let legs) = compression.decision(for: name), cores > 1 {
                do {
                    layout = try Self.layout(out: out, in: input, cores: cores, size: size, legs: legs)
                    searchesLegs = legs == .auto
                } catch {
                    issues.append("\(name) [\(out) x \(input)]: \(error)")
                }
            }
            let sharesBudget = layout != nil && present[name] == nil && compression.spreadsParameters && !compression.hasOwnSize(name)
            entries.append(Entry(name: name, out: out, in: input, layout: layout, searchesLegs: searchesLegs, sharesBudget: sharesBudget))
        }
        for (key, text) in compression.unmatched(names: entries.map(\.name)) {
            issues.append("\(key): \(text) matches no matrix of this model; names look like \(entries.first?.name ?? "")")
        }
        if let first = issues.first { throw HealError(.configuration, first, details: Array(issues.dropFirst())) }
        self.entries = entries
        let matrices = Set(entries.map { $0.name + ".weight" })
        otherCount = model.expectedWeights().reduce(0) { matrices.contains($1.name) ? $0 : $0 + $1.shape.reduce(1, *) }
    }

    private static func layout(
        out: Int, in input: Int, cores: Int, size: CompressionDecision.Size, legs: Legs
    ) throws(TensorTrainError) -> MPOLayout {
        let limit: BondLimit =
            switch size {
            case .keep(let keep): .keep(keep)
            case .bondDimension(let bond): .bondDimension(bond)
            }
        switch legs {
        case .balanced: return try .balanced(out: out, in: input, cores: cores, limit: limit)
        case .lowRank, .auto: return try .lopsided(out: out, in: input, inner: 1, limit: limit)
        case .given(let outputs, let inputs):
            let layout = try MPOLayout(outFactors: outputs, inFactors: inputs, limit: limit)
            try layout.requireMatrix(out: out, in: input)
            return layout
        }
    }

    private init(_ entries: [Entry], otherCount: Int) {
        self.entries = entries
        self.otherCount = otherCount
    }

    /// The plan as it was carried out: with the layouts that a model has.
    package func settled(_ layouts: [String: MPOLayout]) -> CompressionPlan {
        CompressionPlan(entries.map { Entry(name: $0.name, out: $0.out, in: $0.in, layout: layouts[$0.name]) }, otherCount: otherCount)
    }

    /// Whether layouts or sizes are still to be chosen, so that ``total`` is only about what it will be.
    package var isProvisional: Bool { entries.contains { $0.searchesLegs || $0.sharesBudget } }

    package var compressed: [Entry] { entries.filter { $0.layout != nil } }
    /// Parameters of the whole model before and after.
    package var denseTotal: Int { otherCount + entries.reduce(0) { $0 + $1.denseCount } }
    package var total: Int { otherCount + entries.reduce(0) { $0 + $1.parameterCount } }
    /// Share of the compressed matrices' parameters that is kept.
    package var keptFraction: Double {
        let dense = compressed.reduce(0) { $0 + $1.denseCount }
        return dense == 0 ? 1 : Double(compressed.reduce(0) { $0 + $1.parameterCount }) / Double(dense)
    }
}
