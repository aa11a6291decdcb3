/// The group `compression`: which matrices become MPOs, and how large.
///
/// A matrix that `skip` names stays dense. Otherwise the first of `rules` that matches it decides; what that rule leaves open, and every matrix
/// without a rule, takes the values of the group.
package struct CompressionConfiguration: SettingGroup {
    /// Cores a matrix is split into; 1 is the dense matrix itself.
    package var cores = 2
    /// The share of a matrix's parameters to keep. Either this or `bondDimension` is set, never both.
    package var keep: Double? = defaultKeep
    /// The largest bond dimension.
    package var bondDimension: Int?
    /// The legs of every matrix; nil picks them by size.
    package var factors: Factors?
    package var initialization = Initialization.svd
    /// Matrices left dense whatever the rules say.
    package var skip = [NamePattern(known: "lm_head"), NamePattern(known: "embed_tokens")]
    package var rules: [CompressionRule] = []
    /// How an MPO is contracted with its input.
    package var plan = Plan.auto

    /// The share kept where neither `keep` nor `bond_dimension` is given: the setting of the CompactifAI paper (arXiv 2401.14109).
    package static let defaultKeep = 0.3
    package static let coresBounds = Bounds.from(1, to: 16)
    package static let keepBounds = Bounds.above(0, to: 1).explained("0.3 keeps 30 %")
    package static let bondBounds = Bounds.from(1, to: 1_000_000)

    /// How the cores are found.
    package enum Initialization: String, SettingChoice {
        /// Sequential truncated SVDs of the matrix (TT-SVD).
        case svd
        /// The cores that lose least of the matrix's output on real inputs.
        case activation
    }

    package enum Plan: String, SettingChoice {
        /// The cheaper of the two, by layer and number of tokens.
        case auto
        /// Form the matrix from its cores, multiply once.
        case rebuild
        /// Multiply with one core after the other.
        case coreByCore = "core_by_core"
    }

    /// The legs of a matrix: the products of `outputs` and `inputs` are its rows and columns, one leg each a core.
    package struct Factors: SettingGroup, Equatable {
        package var outputs: [Int] = []
        package var inputs: [Int] = []
        package init() {}

        package static var settings: [Setting<Factors>] {
            [Setting("out", \.outputs, check: complaint), Setting("in", \.inputs, check: complaint)]
        }

        private static func complaint(_ legs: [Int]) -> String? {
            if legs.isEmpty { return "the list is empty; it takes one number a core" }
            if Double(legs.count) > 16 { return "\(legs.count) legs are too many; at most 16 cores are possible" }
            return legs.first { $0 < 1 }.map { "\($0) is out of range; legs are at least 1" }
        }

        package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
            guard keys["out"] != nil, keys["in"] != nil else {
                reader.report("needs both \"out\" and \"in\"", key: keys.path, at: keys.position)
                return
            }
            if outputs.count != inputs.count, !outputs.isEmpty, !inputs.isEmpty {
                reader.report(
                    "\"out\" has \(outputs.count) legs and \"in\" has \(inputs.count); both take one a core", key: keys.path, at: keys.position)
            }
        }
    }

    package init() {}

    package static var settings: [Setting<CompressionConfiguration>] {
        [
            Setting("cores", \.cores, .trajectory, coresBounds),
            Setting("keep", \.keep, .trajectory, keepBounds),
            Setting("bond_dimension", \.bondDimension, .trajectory, bondBounds),
            Setting("factors", \.factors),
            Setting("init", \.initialization) { NotAvailableYet.complaint($0) },
            Setting("skip", \.skip),
            Setting("rules", \.rules),
            Setting("plan", \.plan),
        ]
    }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        CompressionRule.checkSize(keys, cores: keys["cores"] == nil ? nil : cores, factors: factors, reader: &reader)
        if keys["bond_dimension"] != nil && keys["keep"] == nil { keep = nil }
        if keys["bond_dimension"] == nil && keys["keep"] == nil { keep = Self.defaultKeep }
        if let factors { cores = factors.outputs.count }
    }

    package static func hint(forUnknown key: String) -> String? {
        switch key {
        case "calibration": "calibration (with init \"activation\") is not available yet"
        case "rank", "max_rank", "chi", "bond", "bond_dim", "tt_rank": "did you mean \"bond_dimension\"?"
        case "ratio", "keep_ratio", "compression_ratio", "fraction": "did you mean \"keep\", the share of the parameters that stays?"
        case "target_modules", "modules", "layers": "did you mean \"rules\" (which matrices, and how far) or \"skip\"?"
        case "contraction": "did you mean \"plan\"?"
        default: nil
        }
    }
}
