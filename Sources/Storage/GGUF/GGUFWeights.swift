import Basics

/// The tensors of a Llama-family GGUF file under Hugging Face names and in Hugging Face row order.
///
/// Files of the architecture `llama` store the rows of each q and k head interleaved, (0, D/2, 1, D/2+1, …), for rotary
/// embeddings over neighbouring pairs; Hugging Face's rotate halves and expect (0, 1, …, D-1). Those rows, and q and k
/// biases, are put back in order on reading. Architectures `qwen2` and `qwen3` store them in Hugging Face's order.
package struct GGUFWeights: WeightSource {
    package let file: GGUFFile
    package let names: [String]
    /// Tensors that are no weights of the network, such as `rope_freqs.weight`, by GGUF name.
    package let others: [String]
    private let entries: [String: Entry]

    private struct Entry {
        let tensor: StoredTensor
        /// Of the q or k projection whose rows are interleaved.
        let interleavedHeads: Int?

        /// Which stored row becomes row r: head h, half p, pair j of the head lies at 2j + p.
        var sourceRow: ((Int) -> Int)? {
            guard let interleavedHeads else { return nil }
            let dimension = tensor.rowCount / interleavedHeads
            return { row in
                let (head, within) = row.quotientAndRemainder(dividingBy: dimension)
                let (half, pair) = within.quotientAndRemainder(dividingBy: dimension / 2)
                return head * dimension + pair * 2 + half
            }
        }
    }

    package static let architectures = ["llama", "qwen2", "qwen3"]

    package init(_ file: GGUFFile) throws(StorageError) {
        guard let architecture = file.metadata["general.architecture"]?.string else {
            throw StorageError(.missing, file: file.path, place: "general.architecture", "is missing")
        }
        guard Self.architectures.contains(architecture) else {
            throw StorageError(
                .unsupported, file: file.path, place: "general.architecture",
                "is \"\(architecture)\"; supported are \(Self.architectures.joined(separator: ", "))")
        }
        var entries: [String: Entry] = [:]
        var others: [String] = []
        for tensor in file.tensors {
            guard let name = Self.huggingFaceName(tensor.name) else {
                others.append(tensor.name)
                continue
            }
            let heads = architecture == "llama" ? try Self.interleavedHeads(tensor, name, file) : nil
            entries[name] = Entry(tensor: tensor, interleavedHeads: heads)
        }
        self.file = file
        self.entries = entries
        self.others = others
        names = entries.keys.sorted()
    }

    private static func interleavedHeads(_ tensor: StoredTensor, _ name: String, _ file: GGUFFile) throws(StorageError) -> Int? {
        let keys: [String]
        if name.contains(".self_attn.q_proj.") {
            keys = ["llama.attention.head_count"]
        } else if name.contains(".self_attn.k_proj.") {
            // Absent: as many as heads.
            keys = ["llama.attention.head_count_kv", "llama.attention.head_count"]
        } else {
            return nil
        }
        guard let key = keys.first(where: { file.metadata[$0] != nil }) else {
            throw StorageError(.missing, file: file.path, place: keys[0], "is missing, but the order of the rows of \(tensor.name) depends on it")
        }
        guard let heads = file.metadata[key]?.int, heads > 0, tensor.rowCount % heads == 0, tensor.rowCount / heads % 2 == 0 else {
            throw StorageError(.malformed, file: file.path, place: key, "does not divide the \(tensor.rowCount) rows of \(tensor.name) into heads of even size")
        }
        return heads
    }

    /// `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`; nil for a tensor that has no such name.
    package static func huggingFaceName(_ name: String) -> String? {
        switch name {
        case "token_embd.weight": return "model.embed_tokens.weight"
        case "output_norm.weight": return "model.norm.weight"
        case "output.weight": return "lm_head.weight"
        default: break
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0, String(layer) == parts[1],
            let module = modules[String(parts[2])], parts[3] == "weight" || parts[3] == "bias"
        else { return nil }
        return "model.layers.\(layer).\(module).\(parts[3])"
    }

    private static let modules = [
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    ]

    private func find(_ name: String) throws(StorageError) -> Entry {
        guard let entry = entries[name] else { throw StorageError(.missing, file: file.path, place: name, "there is no such tensor") }
        return entry
    }

    package func contains(_ name: String) -> Bool { entries[name] != nil }
    package func shape(of name: String) throws(StorageError) -> [Int] { try find(name).tensor.shape }
    package func elementType(of name: String) throws(StorageError) -> ElementType { try find(name).tensor.type }

    package func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) {
        let entry = try find(name)
        try file.reader(of: entry.tensor).read(entry.tensor, into: target, sourceRow: entry.sourceRow)
    }

    package func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError) {
        let entry = try find(name)
        try file.reader(of: entry.tensor).readBFloat16(entry.tensor, into: target, sourceRow: entry.sourceRow)
    }

    package func requireFinite(_ name: String) throws(StorageError) {
        let entry = try find(name)
        try file.reader(of: entry.tensor).requireFinite(entry.tensor, name: name, sourceRow: entry.sourceRow)
    }

    package func mapped(_ name: String) -> UnsafeRawBufferPointer? {
        guard let entry = entries[name], entry.interleavedHeads == nil else { return nil }
        return file.reader(of: entry.tensor).mapped(entry.tensor)
    }
}
