import Storage
import Testing

@Suite struct GGUFWeightsTests {
    /// `llama` has interleaved q and k rows and biases, `qwen2` biases, `qwen3` norms of q and k.
    @Test(arguments: ["llama", "qwen2", "qwen3"])
    func equalsTheHuggingFaceDirectory(_ architecture: String) throws {
        let weights = try GGUFWeights(GGUFFile(path: goldens + "/\(architecture).gguf"))
        let expected = try SafetensorsDirectory(path: goldens + "/" + architecture)
        #expect(weights.names == expected.names)
        #expect(weights.others == (architecture == "llama" ? ["rope_freqs.weight"] : []))
        for name in expected.names {
            #expect(try weights.shape(of: name) == expected.shape(of: name), "\(name)")
            #expect(try weights.floats(name) == expected.floats(name), "\(name)")
            #expect(try weights.bfloat16(name) == expected.bfloat16(name), "\(name)")
            let permuted = architecture == "llama" && (name.contains("q_proj") || name.contains("k_proj"))
            #expect((weights.mapped(name) == nil) == permuted, "\(name)")
            if let mapped = weights.mapped(name) { #expect(Array(mapped.bindMemory(to: Float.self)) == (try expected.floats(name))) }
        }
    }

    @Test func namesFollowHuggingFace() {
        #expect(GGUFWeights.huggingFaceName("blk.12.ffn_down.weight") == "model.layers.12.mlp.down_proj.weight")
        for name in ["blk.x.ffn_down.weight", "blk.-1.ffn_down.weight", "blk.01.ffn_down.weight", "blk.1.ffn_down", "blk.1.other.weight", "rope_freqs.weight"] {
            #expect(GGUFWeights.huggingFaceName(name) == nil, "\(name)")
        }
    }

    @Test func readsTheTokenizer() throws {
        let tokenizer = try #require(try GGUFTokenizer(GGUFFile(path: goldens + "/llama.gguf")))
        #expect(tokenizer.kind == "llama")
        #expect(tokenizer.tokens == ["<unk>", "<s>", "</s>", "a", "b", "c", "d", "e"])
        #expect(tokenizer.scores == [0, 0, 0, -1, -2, -3, -4, -5])
        #expect(tokenizer.types == [2, 3, 3, 1, 1, 1, 1, 1])
        #expect(tokenizer.merges == [])
        #expect(tokenizer.beginOfSequence == 1)
        #expect(tokenizer.endOfSequence == 2)
        #expect(tokenizer.addsBeginOfSequence == true)
        #expect(tokenizer.addsSpacePrefix == nil)
        #expect(tokenizer.chatTemplate == "{{ messages }}")
        #expect(try GGUFTokenizer(GGUFFile(path: goldens + "/quants.gguf")) == nil)
    }
}
