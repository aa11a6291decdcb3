import Basics
import Foundation
import Models

let storageGoldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Golden/storage"

func configuration(_ text: String) throws -> LlamaConfiguration {
    try LlamaConfiguration(huggingFace: try JSONValue.parse(text).object ?? [:], file: "config.json")
}

func configurationProblems(_ body: () throws -> Void) -> [ConfigurationError.Problem] {
    do {
        try body()
        return []
    } catch { return (error as? ConfigurationError)?.problems ?? [] }
}

/// A complete `config.json` with some members replaced (null removes nothing: it stays null).
func configurationText(_ changes: [String: JSONValue] = [:], without: [String] = []) -> String {
    var members: [String: JSONValue] = [
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8, "num_key_value_heads": 4,
        "vocab_size": 512, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
    ]
    members.merge(changes) { $1 }
    for key in without { members[key] = nil }
    return JSONValue.object(members).text()
}

extension LlamaConfiguration {
    /// All sizes, for comparisons.
    var sizes: [Int] {
        [hiddenSize, intermediateSize, layers, heads, kvHeads, headDimension, vocabularySize, maximumPositions]
    }

    var biases: [Bool] { [queryKeyValueBias, attentionOutputBias, mlpBias, queryKeyNorm] }
}
