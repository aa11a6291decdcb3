import Basics
import Storage

extension LlamaConfiguration {
    /// Reads the metadata of a GGUF file (`llama.*`, `qwen2.*`, `qwen3.*`), and from its tensors what metadata leaves open:
    /// biases, a head of its own, the rows of the vocabulary, Llama 3's rope factors.
    ///
    /// Mistral's GGUF files are of the architecture `llama`, and are read as such.
    package init(gguf file: GGUFFile) throws {
        let supported = GGUFWeights.architectures.joined(separator: ", ")
        guard let architecture = file.metadata["general.architecture"]?.string else {
            throw ConfigurationError(file: file.path, place: "general.architecture", "is missing; supported are \(supported)")
        }
        guard GGUFWeights.architectures.contains(architecture), let family = Family(rawValue: architecture) else {
            throw ConfigurationError(file: file.path, place: "general.architecture", "\"\(architecture)\" is not supported; supported are \(supported)")
        }
        var reader = ConfigurationReader(file: file.path) { JSONValue(file.metadata[$0]) }
        func key(_ name: String) -> String { architecture + "." + name }
        let hasTensor = Set(file.tensors.map(\.name)).contains

        let hidden = reader.size(key("embedding_length"))
        let heads = reader.size(key("attention.head_count"))
        let headDimension = reader.size(key("attention.key_length"), default: max(1, hidden / heads))
        let valueDimension = reader.size(key("attention.value_length"), default: headDimension)
        if valueDimension != headDimension {
            reader.report(key("attention.value_length"), "\(valueDimension) differs from the \(headDimension) of keys, which is not supported")
        }
        let rotated = reader.size(key("rope.dimension_count"), default: headDimension)
        if rotated != headDimension {
            reader.report(key("rope.dimension_count"), "\(rotated) of \(headDimension) dimensions; partial rotary embeddings are not supported")
        }
        if reader.value(key("expert_count"))?.int ?? 0 > 0 { reader.report(key("expert_count"), "mixtures of experts are not supported") }
        let maximumPositions = reader.size(key("context_length"))
        let theta = reader.positive(key("rope.freq_base"), default: 10000)
        let scaling = try RopeScaling(
            gguf: file, architecture: architecture, headDimension: headDimension, theta: theta, maximumPositions: maximumPositions, &reader)
        // The embedding's rows are what counts; a stated size may be that of the tokenizer.
        let vocabulary = file.tensor("token_embd.weight")?.shape.first ?? reader.size(key("vocab_size"))
        let tokens = file.metadata["tokenizer.ggml.tokens"]?.array?.count ?? 0
        if tokens > vocabulary { reader.report("tokenizer.ggml.tokens", "\(tokens) tokens, but token_embd.weight has \(vocabulary) rows") }
        let window = reader.value(key("attention.sliding_window"))?.int ?? 0

        self.init(
            family: family, hiddenSize: hidden, intermediateSize: reader.size(key("feed_forward_length")),
            layers: reader.size(key("block_count")), heads: heads, kvHeads: reader.size(key("attention.head_count_kv"), default: heads),
            headDimension: headDimension, vocabularySize: max(1, vocabulary), maximumPositions: maximumPositions,
            rmsNormEpsilon: reader.positive(key("attention.layer_norm_rms_epsilon"), default: 1e-6),
            ropeTheta: theta, ropeScaling: scaling, tiesWordEmbeddings: !hasTensor("output.weight"),
            queryKeyValueBias: family == .qwen2 || hasTensor("blk.0.attn_q.bias"), attentionOutputBias: hasTensor("blk.0.attn_output.bias"),
            mlpBias: hasTensor("blk.0.ffn_up.bias"), queryKeyNorm: family == .qwen3, slidingWindow: window > 0 ? window : nil,
            beginOfSequence: reader.tokens("tokenizer.ggml.bos_token_id").first,
            endOfSequence: Self.unique(reader.tokens("tokenizer.ggml.eos_token_id") + reader.tokens("tokenizer.ggml.eot_token_id")),
            dtype: nil, raw: [:])
        try finish(
            &reader, hiddenKey: key("embedding_length"), headsKey: key("attention.head_count"), kvHeadsKey: key("attention.head_count_kv"),
            headDimensionKey: key("attention.key_length"), layersKey: key("block_count"))
    }

    private static func unique(_ ids: [Int]) -> [Int] {
        ids.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}

extension JSONValue {
    /// A scalar metadata value; arrays become an empty array, which no reader of a scalar takes.
    fileprivate init?(_ value: GGUFValue?) {
        switch value {
        case nil: return nil
        case .integer(let value): self = .int(Int(value))
        case .unsigned(let value): self = .double(Double(value))
        // Stored in 32 bits; 1e-05 comes back as 9.999999747378752e-06, which is what the weights were trained with in effect.
        case .float(let value): self = .double(value)
        case .bool(let value): self = .bool(value)
        case .string(let value): self = .string(value)
        case .array: self = .array([])
        }
    }
}

extension RopeScaling {
    fileprivate init(
        gguf file: GGUFFile, architecture: String, headDimension: Int, theta: Double, maximumPositions: Int,
        _ reader: inout ConfigurationReader
    ) throws {
        func key(_ name: String) -> String { architecture + ".rope." + name }
        if let tensor = file.tensor("rope_freqs.weight") {
            let factors = tensor.elementCount == headDimension / 2 ? try file.floats(tensor).map(Double.init) : []
            guard let scaling = Self.llama3(factors: factors, headDimension: headDimension, theta: theta) else {
                reader.report("rope_freqs.weight", "the factors are not those of Llama 3 (low 1, high 4, original context 8192); others are not supported")
                self = .none
                return
            }
            self = scaling
            return
        }
        let type = reader.value(key("scaling.type"))?.string
        let factor = reader.positive(key("scaling.factor"), default: reader.positive(key("scale_linear"), default: 1))
        switch type {
        case nil: self = factor == 1 ? .none : .linear(factor: factor)
        case "none": self = .none
        case "linear": self = .linear(factor: factor)
        case "yarn":
            let attention = reader.positive(key("scaling.attn_factor"), default: 1)
            self = .yarn(
                factor: factor, originalMaximumPositions: reader.size(key("scaling.original_context_length"), default: maximumPositions),
                betaFast: reader.positive(key("scaling.yarn_beta_fast"), default: 32), betaSlow: reader.positive(key("scaling.yarn_beta_slow"), default: 1),
                attentionFactor: attention * RopeScaling.yarnAttentionFactor(factor), truncated: true)
        case let type?:
            reader.report(key("scaling.type"), "\"\(type)\" is not supported; supported are none, linear, yarn")
            self = .none
        }
    }

    /// GGUF files of Llama 3.1 and later hold not the scaling's parameters but one divisor for each frequency. The parameters
    /// are the same in all releases, but for the factor, which is the largest divisor.
    static func llama3(factors: [Double], headDimension: Int, theta: Double) -> RopeScaling? {
        guard let factor = factors.max(), factor >= 1, factor.isFinite else { return nil }
        let scaling = RopeScaling.llama3(factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 8192)
        let plain = RopeScaling.none.frequencies(headDimension: headDimension, theta: theta).frequencies
        let scaled = scaling.frequencies(headDimension: headDimension, theta: theta).frequencies
        for (index, stored) in factors.enumerated() where abs(plain[index] / scaled[index] - stored) > 1e-3 * stored { return nil }
        return factors.allSatisfy { $0 == 1 } ? RopeScaling.none : scaling
    }
}
