import Basics
import Storage

extension LlamaConfiguration {
    /// Reads `config.json` of a Hugging Face directory, and `generation_config.json` for further ends of text where it exists.
    ///
    /// Both spellings of rotary embeddings are understood: `rope_theta` with `rope_scaling`, and `rope_parameters`
    /// (transformers 5). Absent keys mean what transformers takes them to mean.
    package init(huggingFaceDirectory directory: String) throws {
        let path = directory + "/config.json"
        guard let raw = try JSONValue.read(path).object else {
            throw ConfigurationError(file: path, place: "", "must hold a JSON object")
        }
        try self.init(huggingFace: raw, file: path)
        let generation = directory + "/generation_config.json"
        if FileSystem.kind(of: generation) == .file, let extra = try JSONValue.read(generation)["eos_token_id"] {
            let ids = (extra.array ?? [extra]).compactMap(\.int).filter { 0..<vocabularySize ~= $0 }
            endOfSequence += ids.filter { !endOfSequence.contains($0) }
        }
    }

    package init(huggingFace raw: [String: JSONValue], file: String) throws(ConfigurationError) {
        let supported = Family.allCases.map(\.rawValue).joined(separator: ", ")
        guard let modelType = raw["model_type"]?.string else {
            throw ConfigurationError(file: file, place: "model_type", "is missing; supported are \(supported)")
        }
        guard let family = Family(rawValue: modelType) else {
            let inner = (raw["text_config"] ?? raw["llm_config"])?["model_type"]?.string
            let wrapped = inner.map { ": a model of several modalities around one of the type \"\($0)\", which has to be saved by itself first" } ?? ""
            throw ConfigurationError(file: file, place: "model_type", "\"\(modelType)\" is not supported\(wrapped); supported are \(supported)")
        }
        var reader = ConfigurationReader(file: file) { raw[$0] }
        if let quantization = reader.value("quantization_config") {
            reader.report("quantization_config", "the weights are quantised (\(quantization["quant_method"]?.string ?? "unknown method")); use the original model, or a GGUF file")
        }
        if raw["quantization_config"] == nil, let quantization = reader.value("quantization"), quantization["bits"] != nil {
            reader.report("quantization", "the weights are quantised (MLX, \(quantization["bits"]?.int.map(String.init) ?? "?") bits); use the original model, or a GGUF file")
        }
        if let activation = reader.value("hidden_act"), activation != "silu" {
            reader.report("hidden_act", "\(reader.shown(activation)) is not supported; supported is \"silu\"")
        }
        let hidden = reader.size("hidden_size")
        let heads = reader.size("num_attention_heads")
        // transformers' defaults for the other families are those of one particular model: rather ask.
        let kvHeads = reader.size("num_key_value_heads", default: family == .llama ? heads : nil)
        let bias = family == .qwen2 ? true : family == .mistral ? false : reader.flag("attention_bias", default: false)
        let maximumPositions = reader.size("max_position_embeddings")
        let rope = RopeReader(raw: raw, maximumPositions: maximumPositions).read(&reader)

        self.init(
            family: family, hiddenSize: hidden, intermediateSize: reader.size("intermediate_size"),
            layers: reader.size("num_hidden_layers"), heads: heads, kvHeads: kvHeads,
            headDimension: reader.size("head_dim", default: family == .qwen3 ? 128 : max(1, hidden / heads)),
            vocabularySize: reader.size("vocab_size"), maximumPositions: maximumPositions,
            rmsNormEpsilon: reader.positive("rms_norm_eps", default: 1e-6), ropeTheta: rope.theta, ropeScaling: rope.scaling,
            tiesWordEmbeddings: reader.flag("tie_word_embeddings", default: false),
            queryKeyValueBias: bias, attentionOutputBias: family == .qwen2 ? false : bias,
            mlpBias: family == .llama ? reader.flag("mlp_bias", default: false) : false,
            queryKeyNorm: family == .qwen3, slidingWindow: Self.slidingWindow(family, &reader),
            beginOfSequence: reader.tokens("bos_token_id").first, endOfSequence: reader.tokens("eos_token_id"),
            dtype: (raw["dtype"] ?? raw["torch_dtype"])?.string, raw: raw)
        if reader.value("head_dim") == nil && family != .qwen3 && hidden % heads != 0 && !reader.hasProblem("hidden_size", "num_attention_heads") {
            reader.report("hidden_size", "\(hidden) is not a multiple of num_attention_heads (\(heads)), and there is no head_dim")
        }
        try finish(&reader, hiddenKey: "hidden_size", headsKey: "num_attention_heads", kvHeadsKey: "num_key_value_heads", headDimensionKey: "head_dim", layersKey: "num_hidden_layers")
    }

    private static func slidingWindow(_ family: Family, _ reader: inout ConfigurationReader) -> Int? {
        switch family {
        case .llama: return nil
        case .mistral: break
        case .qwen2, .qwen3: if !reader.flag("use_sliding_window", default: false) { return nil }
        }
        return reader.value("sliding_window") == nil ? nil : reader.size("sliding_window")
    }

    /// Checks across values, then throws what the reader has collected.
    func finish(
        _ reader: inout ConfigurationReader, hiddenKey: String, headsKey: String, kvHeadsKey: String, headDimensionKey: String, layersKey: String
    ) throws(ConfigurationError) {
        if heads % kvHeads != 0 && !reader.hasProblem(headsKey, kvHeadsKey) { reader.report(kvHeadsKey, "\(kvHeads) does not divide the \(heads) heads") }
        if headDimension % 2 != 0 && !reader.hasProblem(hiddenKey, headsKey, headDimensionKey) { reader.report(headDimensionKey, "\(headDimension) is odd; rotary embeddings need pairs") }
        if layers > 10_000 { reader.report(layersKey, "\(layers) is absurd") }
        if headDimension > 1 << 20 { reader.report(headDimensionKey, "\(headDimension) is absurd") }
        if !reader.problems.isEmpty { throw ConfigurationError(file: reader.file, problems: reader.problems) }
    }
}

/// The rotary embedding's parameters, in either spelling.
private struct RopeReader {
    let raw: [String: JSONValue]
    let maximumPositions: Int

    func read(_ reader: inout ConfigurationReader) -> (theta: Double, scaling: RopeScaling) {
        // transformers takes a rope_scaling that is not empty before rope_parameters.
        let old = reader.value("rope_scaling")
        let key = old == nil || old?.object?.isEmpty == true ? "rope_parameters" : "rope_scaling"
        var members: [String: JSONValue] = [:]
        if let value = reader.value(key) {
            guard let object = value.object else {
                reader.report(key, "must be an object or null, not \(reader.shown(value))")
                return (10000, .none)
            }
            members = object
        }
        var inner = ConfigurationReader(file: reader.file) { members[$0] }
        let outerTheta = reader.positive("rope_theta", default: 10000)
        let theta = inner.positive("rope_theta", default: outerTheta)
        let scaling = scaling(members, &inner)
        for problem in inner.problems { reader.report("\(key).\(problem.place)", problem.message) }
        for (owner, value) in [("", reader.value("partial_rotary_factor")), (key + ".", inner.value("partial_rotary_factor"))] {
            if let value, value.double != 1 { reader.report(owner + "partial_rotary_factor", "must be 1, not \(reader.shown(value))") }
        }
        return (theta, scaling)
    }

    private func scaling(_ members: [String: JSONValue], _ reader: inout ConfigurationReader) -> RopeScaling {
        let key = members["rope_type"] != nil ? "rope_type" : "type"
        guard let type = reader.value(key) else {
            // Only a base given, or nothing at all.
            if members.keys.contains("factor") { reader.report("rope_type", "is missing; supported are \(Self.supported)") }
            for (name, value) in members where value.object != nil {
                reader.report(name, "rotary parameters that differ by layer are not supported")
            }
            return .none
        }
        func factor(_ reader: inout ConfigurationReader) -> Double {
            if reader.value("factor") == nil { reader.report("factor", "is missing") }
            return reader.positive("factor", default: 1)
        }
        switch type.string {
        case "default": return .none
        case "linear": return .linear(factor: factor(&reader))
        case "llama3":
            for name in ["low_freq_factor", "high_freq_factor"] where reader.value(name) == nil { reader.report(name, "is missing") }
            let low = reader.positive("low_freq_factor", default: 1), high = reader.positive("high_freq_factor", default: 4)
            if low >= high { reader.report("high_freq_factor", "must be above low_freq_factor") }
            return .llama3(
                factor: factor(&reader), lowFrequencyFactor: low, highFrequencyFactor: high,
                originalMaximumPositions: originalMaximumPositions(&reader))
        case "yarn":
            let factor = factor(&reader)
            for name in ["mscale", "mscale_all_dim"] where reader.value(name) != nil { reader.report(name, "is not supported") }
            return .yarn(
                factor: factor,
                originalMaximumPositions: originalMaximumPositions(&reader),
                betaFast: reader.positive("beta_fast", default: 32), betaSlow: reader.positive("beta_slow", default: 1),
                attentionFactor: reader.positive("attention_factor", default: RopeScaling.yarnAttentionFactor(factor)),
                truncated: reader.flag("truncate", default: true))
        default:
            reader.report(key, "\(reader.shown(type)) is not supported; supported are \(Self.supported)")
            return .none
        }
    }

    /// One beside the rotary parameters goes before the one among them, as in transformers.
    private func originalMaximumPositions(_ reader: inout ConfigurationReader) -> Int {
        let inner = reader.size("original_max_position_embeddings", default: maximumPositions)
        guard let outer = raw["original_max_position_embeddings"]?.int, 1...ConfigurationReader.maximumSize ~= outer else { return inner }
        return outer
    }

    private static let supported = "default, linear, llama3, yarn"
}
