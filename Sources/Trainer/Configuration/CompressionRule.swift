/// One entry of `compression.rules`: other sizes for some matrices, or none at all.
package struct CompressionRule: SettingGroup {
    /// The matrices meant, by name; all if empty.
    package var match = OneOrMore<NamePattern>()
    /// The blocks meant; all if nil.
    package var layers: LayerRanges?
    package var cores: Int?
    package var keep: Double?
    package var bondDimension: Int?
    package var factors: CompressionConfiguration.Factors?
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
            Setting("factors", \.factors),
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
        let sizes = ["keep", "bond_dimension", "cores", "factors"].filter { keys[$0] != nil }
        if skip, let size = sizes.first, let position = keys[size] {
            reader.report("contradicts \"skip\": true in the same rule; remove one of them", key: keys.path(to: size), at: position)
        } else if !skip, keys["skip"] == nil, sizes.isEmpty {
            reader.report("changes nothing; give \"keep\", \"bond_dimension\", \"cores\", \"factors\" or \"skip\": true", key: keys.path, at: keys.position)
        }
        Self.checkSize(keys, cores: cores, factors: factors, reader: &reader)
    }

    /// The contradictions that the group and its rules have in common.
    static func checkSize(
        _ keys: GivenKeys, cores: Int?, factors: CompressionConfiguration.Factors?, reader: inout ConfigurationReader
    ) {
        if let keep = keys["keep"], let bond = keys["bond_dimension"] {
            reader.reportContradiction("keep", at: keep, "bond_dimension", at: bond, in: keys)
        }
        if let factors, let cores, factors.outputs.count != cores, let position = keys["factors"] {
            reader.report(
                "has \(factors.outputs.count) legs a side, but \"cores\" is \(cores); make them equal or remove \"cores\"",
                key: keys.path(to: "factors"), at: position)
        }
    }
}

/// What is to become of one matrix.
package enum CompressionDecision: Sendable, Equatable {
    case dense
    case mpo(cores: Int, size: Size, factors: CompressionConfiguration.Factors?)

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
        var cores = rule?.cores ?? rule?.factors?.outputs.count ?? cores
        // Legs of the group serve a rule only where it keeps the group's number of cores.
        let factors = rule?.factors ?? (self.factors?.outputs.count == cores ? self.factors : nil)
        if let factors { cores = factors.outputs.count }
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
        return .mpo(cores: cores, size: size, factors: factors)
    }

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
