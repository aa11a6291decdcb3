import Basics

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
    /// How `keep` is spread over matrices; nil is `auto` where there are calibration rows and a `keep`.
    package var budget: Budget?
    /// The legs of every matrix; nil searches where it can, see `legs(_:cores:size:)`.
    package var legs: Legs?
    package var initialization = Initialization.activation
    package var calibration = CalibrationConfiguration()
    package var local = LocalHealingConfiguration()
    /// A directory in which decomposed matrices are kept for other runs; nil keeps them in the output directory until the first checkpoint.
    package var cache: String?
    /// Matrices left dense whatever the rules say.
    package var skip = [NamePattern(known: "lm_head"), NamePattern(known: "embed_tokens")]
    package var rules: [CompressionRule] = []
    /// How an MPO is contracted with its input.
    package var plan = Plan.auto

    /// The share kept where neither `keep` nor `bond_dimension` is given: with it a model heals to the level of the original (`docs/healing.md`).
    package static let defaultKeep = 0.8
    package static let coresBounds = Bounds.from(1, to: 16)
    package static let keepBounds = Bounds.above(0, to: 1).explained("0.8 keeps 80 %")
    package static let bondBounds = Bounds.from(1, to: 1_000_000)

    /// How the cores are found.
    package enum Initialization: String, SettingChoice {
        /// Sequential truncated SVDs of the matrix (TT-SVD).
        case svd
        /// The cores that lose least of the matrix's output on real inputs.
        case activation
    }

    package enum Budget: String, SettingChoice {
        /// So that the loss is predicted to rise least, on calibration rows.
        case auto
        /// To every matrix alike.
        case uniform
    }

    package enum Plan: String, SettingChoice {
        /// The cheaper of the two, by layer and number of tokens.
        case auto
        /// Form the matrix from its cores, multiply once.
        case rebuild
        /// Multiply with one core after the other.
        case coreByCore = "core_by_core"
    }

    package init() {}

    private static let found = SettingEffect.settled("the cores are in the checkpoint")

    package static var settings: [Setting<CompressionConfiguration>] {
        [
            Setting("cores", \.cores, found, coresBounds),
            Setting("keep", \.keep, found, keepBounds),
            Setting("bond_dimension", \.bondDimension, found, bondBounds),
            Setting("budget", \.budget, found),
            Setting("legs", \.legs, found),
            Setting("init", \.initialization, found),
            Setting("calibration", \.calibration, found),
            Setting("local", \.local, found),
            Setting("cache", \.cache, .harmless) { $0 == "" ? "is empty" : nil },
            Setting("skip", \.skip, found),
            Setting("rules", \.rules, found),
            Setting("plan", \.plan),
        ]
    }

    package static var formerKeys: [String] { ["factors"] }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        CompressionRule.checkSize(keys, cores: keys["cores"] == nil ? nil : cores, legs: legs, reader: &reader)
        if keys["bond_dimension"] != nil && keys["keep"] == nil { keep = nil }
        if keys["bond_dimension"] == nil && keys["keep"] == nil { keep = Self.defaultKeep }
        if let given = legs?.cores { cores = given }
        if let position = keys["budget"], budget == .auto, bondDimension != nil {
            reader.report(
                "\"auto\" spreads a count of parameters, so it needs \"keep\" instead of \"bond_dimension\"", key: keys.path(to: "budget"), at: position)
        }
        if let position = keys["local"], local.epochs > 0, initialization == .activation, calibration.prefix == .original {
            reader.report(
                "heals each block behind the compressed ones before it, which \"prefix\": \"original\" leaves out; use \"compressed\"",
                key: keys.path(to: "local"), at: position)
        }
        guard initialization == .svd else { return }
        func needsActivation(_ key: String, _ at: JSON.Position) {
            reader.report("chooses on calibration rows, which \"init\": \"svd\" does without; use \"init\": \"activation\"", key: key, at: at)
        }
        if local.epochs > 0, let position = keys["local"] { needsActivation(keys.path(to: "local"), position) }
        if budget == .auto, let position = keys["budget"] { needsActivation(keys.path(to: "budget"), position) }
        if legs == .auto, let position = keys["legs"] { needsActivation(keys.path(to: "legs"), position) }
        if rules.contains(where: { $0.legs == .auto }), let position = keys["rules"] { needsActivation(keys.path(to: "rules"), position) }
    }
}
