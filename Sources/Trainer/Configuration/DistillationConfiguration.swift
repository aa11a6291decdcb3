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
    /// A directory that keeps the teacher's answers, so that each sample is shown to it once; nil asks it at every step. docs/distillation.md has the files.
    package var cache: String?
    /// What is kept of an answer; nil takes the default.
    package var cacheForm: CacheForm?
    /// Tokens that an answer names, or draws it is made of; nil takes the default.
    package var cacheSize: Int?

    package static let defaultCacheForm = CacheForm.sampled, defaultCacheSize = 64

    package enum CacheForm: String, SettingChoice {
        /// The most probable tokens, and the mass of all others together.
        case topK = "top_k"
        /// Tokens drawn from the distribution.
        case sampled
    }

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
            Setting("cache", \.cache) { $0 == "" ? "is empty; expected a directory" : nil },
            Setting("cache_form", \.cacheForm),
            Setting("cache_size", \.cacheSize, .trajectory, .from(1, to: 65_535)),
        ]
    }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        for key in ["cache_form", "cache_size"] where keys["cache"] == nil {
            guard let position = keys[key] else { continue }
            reader.report("has no effect without \"cache\"; remove it or set \"cache\" to a directory", key: keys.path(to: key), at: position)
        }
    }
}
