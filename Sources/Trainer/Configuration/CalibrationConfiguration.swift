/// The group `compression.calibration`: the inputs that cores are fitted to.
package struct CalibrationConfiguration: SettingGroup {
    /// Where the rows come from; empty takes those that are trained on. Text of domains that must not be forgotten can stand beside them here without
    /// being trained on.
    package var datasets: [DatasetConfiguration] = []
    /// Tokens to fit cores to.
    package var tokens = 32_768
    /// Tokens of other rows, on which legs and sweeps are chosen.
    package var heldOutTokens = 16_384
    /// The share of white noise that is mixed into the inputs' second moment.
    package var shrinkage = 0.05
    package var prefix = Prefix.compressed
    package var metric = Metric.loss
    /// Leave out the first token of each sample: its activations are hundreds of times the usual size.
    package var skipsFirstToken = false

    /// Which layers come before the one that is fitted.
    package enum Prefix: String, SettingChoice {
        /// Those of the original model.
        case original
        /// The layers that were fitted before, so that each makes up for what is lost before it.
        case compressed
    }

    /// What of a matrix's output is to stay.
    package enum Metric: String, SettingChoice {
        /// All of it alike.
        case output
        /// Each row by how much the loss depends on it.
        case loss
    }

    package init() {}

    package static var settings: [Setting<CalibrationConfiguration>] {
        [
            Setting("datasets", \.datasets),
            Setting("tokens", \.tokens, .trajectory, .from(16, to: 16_777_216)),
            Setting("held_out_tokens", \.heldOutTokens, .trajectory, .from(16, to: 16_777_216)),
            Setting("shrinkage", \.shrinkage, .trajectory, .from(0, to: 1)),
            Setting("prefix", \.prefix),
            Setting("metric", \.metric),
            Setting("skip_first_token", \.skipsFirstToken),
        ]
    }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        guard let position = keys["datasets"] else { return }
        DatasetConfiguration.checkWeights(datasets, key: keys.path(to: "datasets"), at: position, reader: &reader)
        if datasets.contains(where: { $0.split == .validation }) {
            reader.report("has an entry with \"split\": \"validation\"; all rows are calibrated on here", key: keys.path(to: "datasets"), at: position)
        }
    }
}
