import Basics

/// Everything that distinguishes one model of the Llama family from another.
package struct LlamaConfiguration: Sendable {
    package enum Family: String, Sendable, CaseIterable {
        case llama, mistral, qwen2, qwen3
    }

    package var family: Family
    package var hiddenSize: Int
    package var intermediateSize: Int
    package var layers: Int
    package var heads: Int
    /// Key/value heads; divides `heads`.
    package var kvHeads: Int
    /// Even. `heads * headDimension` need not be `hiddenSize`.
    package var headDimension: Int
    package var vocabularySize: Int
    package var maximumPositions: Int
    package var rmsNormEpsilon: Double
    package var ropeTheta: Double
    package var ropeScaling: RopeScaling
    /// The head's weight is the embedding's.
    package var tiesWordEmbeddings: Bool
    /// Biases on q, k and v (Qwen2 always; Llama and Qwen3 by `attention_bias`).
    package var queryKeyValueBias: Bool
    package var attentionOutputBias: Bool
    package var mlpBias: Bool
    /// RMS norm over each head of q and k before the rotary embedding (Qwen3).
    package var queryKeyNorm: Bool
    /// Attention reaches this many positions back; nil: all. See `checkContext`.
    package var slidingWindow: Int?
    package var beginOfSequence: Int?
    /// Any of these ends a text.
    package var endOfSequence: [Int]
    /// The type the weights were saved in: `bfloat16`, ….
    package var dtype: String?
    /// `config.json` as read, so that an export can write it back; empty where the model came from elsewhere.
    package var raw: [String: JSONValue]

    package var queryRows: Int { heads * headDimension }
    package var keyValueRows: Int { kvHeads * headDimension }

    /// Throws where a context of so many tokens cannot be computed with full attention as this model means it.
    package func checkContext(_ length: Int, file: String) throws(ConfigurationError) {
        var problems: [ConfigurationError.Problem] = []
        if let slidingWindow, length > slidingWindow {
            problems.append(.init(
                place: "sliding_window",
                message: "is \(slidingWindow), and attention within a window is not supported; choose a context of at most \(slidingWindow) tokens instead of \(length)"))
        }
        if length > maximumPositions {
            problems.append(.init(
                place: "max_position_embeddings",
                message: "is \(maximumPositions); choose a context of at most that many tokens instead of \(length)"))
        }
        if !problems.isEmpty { throw ConfigurationError(file: file, problems: problems) }
    }
}
