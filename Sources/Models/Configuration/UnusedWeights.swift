
/// Tensors in a model's files that the model, as its configuration describes it, does not use. They are named: the model may well be another one.
enum UnusedWeights {
    /// - Parameters:
    ///   - names: all tensors of the files.
    ///   - file: what the configuration was read from, for the message.
    /// - Returns: a sentence that names them, those that differ by the layer as one; nil where every tensor is used.
    static func warning(_ names: [String], of configuration: LlamaConfiguration, file: String) -> String? {
        let used = Set(configuration.expectedWeights().map(\.name))
        let unused = names.filter { !used.contains($0) && !isHarmless($0, configuration) }
        guard !unused.isEmpty else { return nil }
        var kinds: [(pattern: String, count: Int)] = []
        for name in unused.sorted() {
            let pattern = pattern(name)
            if let index = kinds.firstIndex(where: { $0.pattern == pattern }) { kinds[index].count += 1 } else { kinds.append((pattern, 1)) }
        }
        var listed = kinds.prefix(8).map { $0.count == 1 ? $0.pattern : "\($0.pattern) (\($0.count))" }
        if kinds.count > listed.count { listed.append("and \(kinds.count - listed.count) more kinds") }
        let reason = reason(unused, configuration).map { "; \($0)" } ?? ""
        return "\(file): \(unused.count == 1 ? "1 tensor" : "\(unused.count) tensors") in the files that this model does not use: \(listed.joined(separator: ", "))\(reason)"
    }

    /// Computed again by everybody, or the embedding under its other name.
    private static func isHarmless(_ name: String, _ configuration: LlamaConfiguration) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq") || name == "rope_freqs.weight" || (configuration.tiesWordEmbeddings && name == LlamaNames.head + ".weight")
    }

    /// The name with `*` for numbers, such as the layer's.
    private static func pattern(_ name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) == nil ? String($0) : "*" }.joined(separator: ".")
    }

    /// Which key of the configuration leaves them out.
    private static func reason(_ unused: [String], _ configuration: LlamaConfiguration) -> String? {
        if unused.contains(where: { $0.contains("lora_") }) { return "adapters are not applied: merge them into the model first" }
        let layers = unused.compactMap { name in name.hasPrefix("model.layers.") ? name.split(separator: ".").dropFirst(2).first.flatMap { Int($0) } : nil }
        if let last = layers.max(), last >= configuration.layers { return "num_hidden_layers is \(configuration.layers), but layers go up to \(last)" }
        if unused.contains(where: { $0.contains(".self_attn.") && $0.hasSuffix(".bias") }) { return "attention_bias is false or not there" }
        if unused.contains(where: { $0.contains(".mlp.") && $0.hasSuffix(".bias") }) { return "mlp_bias is false or not there" }
        return nil
    }
}
