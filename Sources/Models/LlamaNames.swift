/// The checkpoint's own names for the parts of a Llama-family model.
package enum LlamaNames {
    package static let embedding = "model.embed_tokens"
    package static let finalNorm = "model.norm"
    package static let head = "lm_head"

    /// The matrices of a block, in the order they are used.
    package static let matrices = [
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
    ]

    package static func block(_ layer: Int) -> String { "model.layers.\(layer)" }

    /// Shape [out, in] of every matrix of every block.
    package static func matrixShapes(_ c: LlamaConfiguration) -> [(name: String, out: Int, in: Int)] {
        (0..<c.layers).flatMap { layer in
            matrices.map { name in
                let shape: (Int, Int) =
                    switch name {
                    case "self_attn.q_proj": (c.queryRows, c.hiddenSize)
                    case "self_attn.k_proj", "self_attn.v_proj": (c.keyValueRows, c.hiddenSize)
                    case "self_attn.o_proj": (c.hiddenSize, c.queryRows)
                    case "mlp.down_proj": (c.hiddenSize, c.intermediateSize)
                    default: (c.intermediateSize, c.hiddenSize)
                    }
                return ("\(block(layer)).\(name)", shape.0, shape.1)
            }
        }
    }

    /// Every tensor a dense checkpoint of this configuration has, with its shape.
    package static func expectedTensors(_ c: LlamaConfiguration) -> [(name: String, shape: [Int])] {
        var all: [(String, [Int])] = [(embedding + ".weight", [c.vocabularySize, c.hiddenSize]), (finalNorm + ".weight", [c.hiddenSize])]
        if !c.tiesWordEmbeddings { all.append((head + ".weight", [c.vocabularySize, c.hiddenSize])) }
        for (name, out, input) in matrixShapes(c) {
            all.append((name + ".weight", [out, input]))
            if hasBias(name, c) { all.append((name + ".bias", [out])) }
        }
        for layer in 0..<c.layers {
            all.append(("\(block(layer)).input_layernorm.weight", [c.hiddenSize]))
            all.append(("\(block(layer)).post_attention_layernorm.weight", [c.hiddenSize]))
            if c.queryKeyNorm {
                all.append(("\(block(layer)).self_attn.q_norm.weight", [c.headDimension]))
                all.append(("\(block(layer)).self_attn.k_norm.weight", [c.headDimension]))
            }
        }
        return all
    }

    package static func hasBias(_ matrix: String, _ c: LlamaConfiguration) -> Bool {
        if matrix.hasSuffix("q_proj") || matrix.hasSuffix("k_proj") || matrix.hasSuffix("v_proj") { return c.queryKeyValueBias }
        return matrix.hasSuffix("o_proj") ? c.attentionOutputBias : c.mlpBias
    }
}
