/// The group `distillation`: learn from the answers of the original model. docs/distillation.md has the loss.
package struct DistillationConfiguration: SettingGroup {
    /// The model to learn from, of the same tokenizer; nil takes the dense form of `model`.
    package var teacher: String?
    /// The share of the loss that is divergence from the teacher; the rest is cross-entropy. 0 turns it off.
    package var weight = 0.0
    /// What the logits of both are divided by before they are compared.
    package var temperature = 1.0
    /// The tokens that are compared.
    package var tokens = Tokens.all

    package enum Tokens: String, SettingChoice {
        /// Every token of a sample up to its last label.
        case all
        /// Those with a label, as for cross-entropy.
        case labels
    }

    package static let temperatureBounds = Bounds.from(0.01, to: 100)

    package init() {}

    package static var settings: [Setting<DistillationConfiguration>] {
        [
            // A teacher may move: a resumed run looks at what it is, not at where.
            Setting("teacher", \.teacher, .harmless) { $0?.isEmpty == true ? "is empty; expected a model" : nil },
            Setting("weight", \.weight, .trajectory, .from(0, to: 1)),
            Setting("temperature", \.temperature, .trajectory, temperatureBounds),
            Setting("tokens", \.tokens),
        ]
    }

    package static func hint(forUnknown key: String) -> String? {
        switch key {
        case "alpha", "kl_weight", "lambda", "ratio": "did you mean \"weight\", the divergence's share of the loss?"
        case "tau", "kd_temperature": "did you mean \"temperature\"?"
        case "model", "teacher_model": "did you mean \"teacher\"?"
        default: nil
        }
    }
}
