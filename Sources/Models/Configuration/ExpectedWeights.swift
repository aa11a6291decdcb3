import Storage

extension LlamaConfiguration {
    /// Every weight of the model with its shape ([out, in] for linear layers), in the order in which they are used.
    package func expectedWeights() -> [(name: String, shape: [Int])] {
        var weights: [(name: String, shape: [Int])] = [("model.embed_tokens.weight", [vocabularySize, hiddenSize])]
        for layer in 0..<layers { weights += layerWeights(layer) }
        weights.append(("model.norm.weight", [hiddenSize]))
        if !tiesWordEmbeddings { weights.append(("lm_head.weight", [vocabularySize, hiddenSize])) }
        return weights
    }

    private func layerWeights(_ layer: Int) -> [(name: String, shape: [Int])] {
        let prefix = "model.layers.\(layer)."
        var weights: [(name: String, shape: [Int])] = []
        func linear(_ name: String, _ out: Int, _ input: Int, bias: Bool) {
            weights.append((prefix + name + ".weight", [out, input]))
            if bias { weights.append((prefix + name + ".bias", [out])) }
        }
        weights.append((prefix + "input_layernorm.weight", [hiddenSize]))
        linear("self_attn.q_proj", queryRows, hiddenSize, bias: queryKeyValueBias)
        linear("self_attn.k_proj", keyValueRows, hiddenSize, bias: queryKeyValueBias)
        linear("self_attn.v_proj", keyValueRows, hiddenSize, bias: queryKeyValueBias)
        linear("self_attn.o_proj", hiddenSize, queryRows, bias: attentionOutputBias)
        if queryKeyNorm {
            weights.append((prefix + "self_attn.q_norm.weight", [headDimension]))
            weights.append((prefix + "self_attn.k_norm.weight", [headDimension]))
        }
        weights.append((prefix + "post_attention_layernorm.weight", [hiddenSize]))
        linear("mlp.gate_proj", intermediateSize, hiddenSize, bias: mlpBias)
        linear("mlp.up_proj", intermediateSize, hiddenSize, bias: mlpBias)
        linear("mlp.down_proj", hiddenSize, intermediateSize, bias: mlpBias)
        return weights
    }

    /// Throws where a weight is absent, has another shape, or is stored in a type that cannot be read; names them all.
    package func check(_ weights: some WeightSource, file: String) throws(ConfigurationError) {
        var problems: [ConfigurationError.Problem] = []
        if let problem = otherNames(weights) { throw ConfigurationError(file: file, problems: [problem]) }
        for (name, shape) in expectedWeights() {
            guard let found = try? weights.shape(of: name), let type = try? weights.elementType(of: name) else {
                problems.append(.init(place: name, message: "is missing"))
                continue
            }
            if found != shape {
                problems.append(.init(place: name, message: "has the shape \(found), but the configuration wants \(shape)"))
            } else if type.codec == nil {
                problems.append(.init(place: name, message: type.refusal))
            }
        }
        if !problems.isEmpty { throw ConfigurationError(file: file, problems: problems) }
    }

    /// One word instead of hundreds where not a single weight is there under its name.
    private func otherNames(_ weights: some WeightSource) -> ConfigurationError.Problem? {
        let expected = expectedWeights().map(\.name)
        guard !expected.contains(where: weights.contains) else { return nil }
        let names = weights.names
        guard let example = names.first(where: { name in expected.contains { name.hasSuffix($0) } }) ?? names.first else {
            return .init(place: "", message: "the files hold no tensors")
        }
        return .init(
            place: example,
            message: "none of the \(names.count) tensors in the files has a name that this model needs, such as \(expected[0]); the weights are another model's, or "
                + "packed in a form (an adapter, a quantised or a multi-modal model) that has to be converted first")
    }
}
