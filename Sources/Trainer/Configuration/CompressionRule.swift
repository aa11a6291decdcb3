/// One entry of `compression.rules`: other sizes for some matrices, or none at all.
package struct CompressionRule: SettingGroup {
    /// The matrices meant, by name; all if empty.
    package var match = OneOrMore<NamePattern>()
    /// The blocks meant; all if nil.
    package var layers: LayerRanges?
    package var cores: Int?
    package var keep: Double?
    package var bondDimension: Int?
    package var legs: Legs?
    /// Leave these matrices dense.
    package var skip = false

    package init() {}

    package static var settings: [Setting<CompressionRule>] {
        [
            Setting("match", \.match),
            Setting("layers", \.layers),
            Setting("cores", \.cores, .trajectory, CompressionConfiguration.coresBounds),
            Setting("keep", \.keep, .trajectory, CompressionConfiguration.keepBounds),
            Setting("bond_dimension", \.bondDimension, .trajectory, CompressionConfiguration.bondBounds),
            Setting("legs", \.legs),
            Setting("skip", \.skip),
        ]
    }

    package func matches(_ name: String) -> Bool {
        guard match.elements.isEmpty || match.elements.contains(where: { $0.matches(name) }) else { return false }
        guard let layers else { return true }
        return LayerRanges.layer(of: name).map(layers.contains) ?? false
    }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        if keys["match"] == nil && keys["layers"] == nil {
            reader.report("needs \"match\" (name patterns) or \"layers\" (blocks), to say which matrices it is about", key: keys.path, at: keys.position)
        }
        let sizes = ["keep", "bond_dimension", "cores", "legs"].filter { keys[$0] != nil }
        if skip, let size = sizes.first, let position = keys[size] {
            reader.report("contradicts \"skip\": true in the same rule; remove one of them", key: keys.path(to: size), at: position)
        } else if !skip, keys["skip"] == nil, sizes.isEmpty {
            reader.report("changes nothing; give \"keep\", \"bond_dimension\", \"cores\", \"legs\" or \"skip\": true", key: keys.path, at: keys.position)
        }
        Self.checkSize(keys, cores: cores, legs: legs, reader: &reader)
    }

    package static var formerKeys: [String] { ["factors"] }

    /// The contradictions that the group and its rules have in common.
    static func checkSize(_ keys: GivenKeys, cores: Int?, legs: Legs?, reader: inout ConfigurationReader) {
        if let keep = keys["keep"], let bond = keys["bond_dimension"] {
            reader.reportContradiction("keep", at: keep, "bond_dimension", at: bond, in: keys)
        }
        guard let legs, let position = keys["legs"] else { return }
        func complain(_ message: String) { reader.report(message, key: keys.path(to: "legs"), at: position) }
        if let made = legs.cores, let cores, made != cores {
            if case .given = legs {
                complain("has \(made) pairs, but \"cores\" is \(cores); make them equal or remove \"cores\"")
            } else {
                complain("\(legs.json.text()) makes two cores, but \"cores\" is \(cores); remove one of them")
            }
        }
        if legs == .auto, keys["bond_dimension"] != nil {
            complain("\"auto\" compares legs at equal parameters, so it needs \"keep\" instead of \"bond_dimension\"")
        }
    }
}

/// What is to become of one matrix.
package enum CompressionDecision: Sendable, Equatable {
    case dense
    case mpo(cores: Int, size: Size, legs: Legs)

    package enum Size: Sendable, Equatable {
        /// The share of the parameters to keep, in (0, 1].
        case keep(Double)
        case bondDimension(Int)
    }
}

extension CompressionConfiguration {
    /// What the configuration says about a matrix, by the name of its weight with or without `.weight`.
    package func decision(for name: String) -> CompressionDecision {
        if skip.contains(where: { $0.matches(name) }) { return .dense }
        let rule = rules.first { $0.matches(name) }
        if rule?.skip == true { return .dense }
        let cores = rule?.legs?.cores ?? rule?.cores ?? cores
        let size: CompressionDecision.Size =
            if let keep = rule?.keep {
                .keep(keep)
            } else if let bond = rule?.bondDimension {
                .bondDimension(bond)
            } else if let bondDimension {
                .bondDimension(bondDimension)
            } else {
                .keep(keep ?? Self.defaultKeep)
            }
        return .mpo(cores: cores, size: size, legs: legs(rule?.legs ?? legs, cores: cores, size: size))
    }

    /// The legs meant where `asked` is what the keys say. Legs for another number of cores do not serve. Where nothing is said they are
    /// searched, as long as there are calibration rows to choose on and a count of parameters to compare at; but where parameters are spread over
    /// matrices the low-rank factorisation starts as well, and costs less to find and to multiply with (`docs/healing.md`).
    private func legs(_ asked: Legs?, cores: Int, size: CompressionDecision.Size) -> Legs {
        let maySearch = if case .keep = size { cores == 2 && initialization == .activation } else { false }
        switch asked {
        case .given(let outputs, _)? where outputs.count != cores: return maySearch ? .auto : .balanced
        case .lowRank? where cores != 2: return .balanced
        case nil where maySearch && spreadsParameters: return .lowRank
        case .auto?, nil: return maySearch ? .auto : .balanced
        case let asked?: return asked
        }
    }

    /// Whether a rule gives this matrix a size of its own.
    package func hasOwnSize(_ name: String) -> Bool {
        rules.first { $0.matches(name) }.map { $0.keep != nil || $0.bondDimension != nil } ?? false
    }

    /// Whether the size of a matrix that no rule pins is found on calibration rows.
    package var spreadsParameters: Bool { budget != .uniform && initialization == .activation && bondDimension == nil }

    /// The patterns and rules that no matrix of the model answers to, with the key of each: most likely slips of the pen.
    package func unmatched(names: [String]) -> [(key: String, text: String)] {
        var unmatched: [(key: String, text: String)] = []
        for (index, rule) in rules.enumerated() where !names.contains(where: rule.matches) {
            let text = rule.match.elements.map { "\"\($0.text)\"" } + (rule.layers.map { ["layers \"\($0.text)\""] } ?? [])
            unmatched.append(("compression.rules[\(index)]", text.joined(separator: ", ")))
        }
        return unmatched
    }
}
