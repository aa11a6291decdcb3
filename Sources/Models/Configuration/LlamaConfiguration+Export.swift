import Basics

extension LlamaConfiguration {
    /// `config.json` for weights saved as `dtype` (`bfloat16`, `float16`, `float32`): the one that was read, with only the
    /// type replaced; or one made from these values, for models that came without.
    package func huggingFaceConfiguration(dtype: String) -> JSONValue {
        guard raw.isEmpty else {
            var members = raw
            members[raw["dtype"] != nil ? "dtype" : "torch_dtype"] = .string(dtype)
            return .object(members)
        }
        var members: [String: JSONValue] = [
            "architectures": [.string(architectureName)], "model_type": .string(family.rawValue), "torch_dtype": .string(dtype),
            "hidden_size": .int(hiddenSize), "intermediate_size": .int(intermediateSize), "num_hidden_layers": .int(layers),
            "num_attention_heads": .int(heads), "num_key_value_heads": .int(kvHeads), "head_dim": .int(headDimension),
            "vocab_size": .int(vocabularySize), "max_position_embeddings": .int(maximumPositions), "hidden_act": "silu",
            "rms_norm_eps": .double(rmsNormEpsilon), "rope_theta": .double(ropeTheta), "rope_scaling": ropeScaling.huggingFace,
            "tie_word_embeddings": .bool(tiesWordEmbeddings), "bos_token_id": beginOfSequence.map { .int($0) } ?? .null,
            "eos_token_id": endOfSequence.count == 1 ? .int(endOfSequence[0]) : endOfSequence.isEmpty ? .null : .array(endOfSequence.map { .int($0) }),
        ]
        switch family {
        case .llama:
            members["attention_bias"] = .bool(queryKeyValueBias)
            members["mlp_bias"] = .bool(mlpBias)
        case .mistral: members["sliding_window"] = slidingWindow.map { .int($0) } ?? .null
        case .qwen2, .qwen3:
            members["use_sliding_window"] = .bool(slidingWindow != nil)
            members["sliding_window"] = slidingWindow.map { .int($0) } ?? .null
            if family == .qwen3 { members["attention_bias"] = .bool(queryKeyValueBias) }
        }
        return .object(members)
    }

    private var architectureName: String {
        switch family {
        case .llama: "LlamaForCausalLM"
        case .mistral: "MistralForCausalLM"
        case .qwen2: "Qwen2ForCausalLM"
        case .qwen3: "Qwen3ForCausalLM"
        }
    }
}

extension RopeScaling {
    /// The value of `rope_scaling`, which all versions of transformers read.
    fileprivate var huggingFace: JSONValue {
        switch self {
        case .none: .null
        case .linear(let factor): ["rope_type": "linear", "factor": .double(factor)]
        case .llama3(let factor, let low, let high, let original):
            [
                "rope_type": "llama3", "factor": .double(factor), "low_freq_factor": .double(low),
                "high_freq_factor": .double(high), "original_max_position_embeddings": .int(original),
            ]
        case .yarn(let factor, let original, let betaFast, let betaSlow, let attentionFactor, let truncated):
            [
                "rope_type": "yarn", "factor": .double(factor), "original_max_position_embeddings": .int(original),
                "beta_fast": .double(betaFast), "beta_slow": .double(betaSlow), "attention_factor": .double(attentionFactor),
                "truncate": .bool(truncated),
            ]
        }
    }
}
