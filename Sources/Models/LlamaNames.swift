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
}
