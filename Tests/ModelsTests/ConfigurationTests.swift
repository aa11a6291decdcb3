import Basics
import Foundation
import Models
import Testing

@Suite struct ConfigurationTests {
    @Test func readsALlama() throws {
        let c = try configuration(configurationText())
        #expect(c.family == .llama)
        #expect(c.sizes == [64, 172, 5, 8, 4, 8, 512, 512])
        #expect(c.rmsNormEpsilon == 1e-5)
        #expect(c.ropeTheta == 10000)
        #expect(c.ropeScaling == .none)
        #expect(c.tiesWordEmbeddings)
        #expect(!c.queryKeyValueBias && !c.attentionOutputBias && !c.mlpBias && !c.queryKeyNorm)
        #expect(c.slidingWindow == nil)
        #expect(c.beginOfSequence == 1)
        #expect(c.endOfSequence == [2])
        #expect(c.dtype == "float32")
    }

    @Test func takesWhatIsAbsentAsTransformersDoes() throws {
        let c = try configuration(configurationText(without: ["num_key_value_heads", "rms_norm_eps", "rope_theta", "tie_word_embeddings", "bos_token_id", "eos_token_id", "torch_dtype"]))
        #expect(c.kvHeads == 8)
        #expect(c.rmsNormEpsilon == 1e-6)
        #expect(c.ropeTheta == 10000)
        #expect(!c.tiesWordEmbeddings)
        #expect(c.beginOfSequence == nil)
        #expect(c.endOfSequence == [])
    }

    @Test func knowsTheFamilies() throws {
        let qwen2 = try configuration(configurationText(["model_type": "qwen2", "use_sliding_window": false, "sliding_window": 32]))
        #expect(qwen2.queryKeyValueBias && !qwen2.attentionOutputBias && !qwen2.queryKeyNorm)
        #expect(qwen2.slidingWindow == nil)
        let qwen3 = try configuration(configurationText(["model_type": "qwen3", "eos_token_id": [7, 9]]))
        #expect(qwen3.queryKeyNorm && !qwen3.queryKeyValueBias)
        #expect(qwen3.headDimension == 128)
        #expect(qwen3.endOfSequence == [7, 9])
        let mistral = try configuration(configurationText(["model_type": "mistral", "sliding_window": 256, "head_dim": 16]))
        #expect(mistral.slidingWindow == 256)
        #expect(mistral.headDimension == 16)
        try mistral.checkContext(256, file: "x")
        #expect(configurationProblems { try mistral.checkContext(257, file: "x") }.map(\.place) == ["sliding_window"])
        #expect(configurationProblems { try mistral.checkContext(1000, file: "x") }.map(\.place) == ["sliding_window", "max_position_embeddings"])
        let biased = try configuration(configurationText(["attention_bias": true, "mlp_bias": true]))
        #expect(biased.queryKeyValueBias && biased.attentionOutputBias && biased.mlpBias)
        #expect(try configuration(configurationText(["model_type": "mistral", "sliding_window": .null])).slidingWindow == nil)
    }

    @Test func readsBothSpellingsOfRope() throws {
        let llama3: JSONValue = ["rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192]
        let expected = RopeScaling.llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaximumPositions: 8192)
        let old = try configuration(configurationText(["rope_scaling": llama3, "rope_theta": 500000.0]))
        #expect(old.ropeScaling == expected)
        #expect(old.ropeTheta == 500000)
        var members = try #require(llama3.object)
        members["rope_theta"] = 500000.0
        let new = try configuration(configurationText(["rope_parameters": .object(members)], without: ["rope_theta"]))
        #expect(new.ropeScaling == expected)
        #expect(new.ropeTheta == 500000)
        #expect(try configuration(configurationText(["rope_parameters": ["rope_theta": 7.5, "rope_type": "default"]])).ropeTheta == 7.5)
        #expect(try configuration(configurationText(["rope_scaling": ["type": "linear", "factor": 2]])).ropeScaling == .linear(factor: 2))
        #expect(try configuration(configurationText(["rope_scaling": .null])).ropeScaling == .none)
        let yarn = try configuration(configurationText(["rope_scaling": ["type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128]]))
        #expect(yarn.ropeScaling == .yarn(
            factor: 4, originalMaximumPositions: 128, betaFast: 32, betaSlow: 1, attentionFactor: 0.1 * log(4) + 1, truncated: true))
    }

    @Test func frequenciesEqualTransformers() throws {
        for value in try #require(try JSONValue.read(storageGoldens + "/rope.json").array) {
            let theta = try #require(value["theta"]), head = try #require(value["head_dim"]?.int)
            var rope = try #require(value["rope"]?.object)
            rope["rope_theta"] = theta
            let c = try configuration(configurationText(["rope_parameters": .object(rope), "head_dim": .int(head), "max_position_embeddings": 131072], without: ["rope_theta"]))
            let (frequencies, attention) = c.ropeScaling.frequencies(headDimension: c.headDimension, theta: c.ropeTheta)
            let expected = try #require(value["frequencies"]?.array).compactMap(\.double)
            #expect(frequencies.count == head / 2 && expected.count == head / 2)
            for (ours, theirs) in zip(frequencies, expected) {
                #expect(abs(ours - theirs) <= 2e-6 * theirs, "\(value["rope"]?.text(indented: false) ?? "")")  // theirs are in float32
            }
            #expect(abs(attention - (try #require(value["attention_factor"]?.double))) < 1e-12)
        }
    }

    @Test func reportsAllProblemsAtOnce() throws {
        let text = configurationText(
            [
                "hidden_size": "64", "num_attention_heads": 0, "num_hidden_layers": 1e30, "rms_norm_eps": -1, "hidden_act": "gelu", "tie_word_embeddings": "yes",
                "eos_token_id": "x", "rope_scaling": ["rope_type": "longrope"], "quantization_config": ["quant_method": "gptq"],
            ], without: ["vocab_size"])
        let problems = configurationProblems { _ = try configuration(text) }
        #expect(Set(problems.map(\.place)) == [
            "hidden_size", "num_attention_heads", "num_hidden_layers", "rms_norm_eps", "hidden_act", "tie_word_embeddings", "eos_token_id",
            "rope_scaling.rope_type", "quantization_config", "vocab_size",
        ])
        #expect(problems.first { $0.place == "rope_scaling.rope_type" }?.message == "\"longrope\" is not supported; supported are default, linear, llama3, yarn")
    }

    @Test(arguments: [
        (["model_type": "gpt2"], "model_type"), (["num_key_value_heads": 3], "num_key_value_heads"), (["hidden_size": 100, "num_key_value_heads": 8], "hidden_size"),
        (["head_dim": 7], "head_dim"), (["partial_rotary_factor": 0.5], "partial_rotary_factor"), (["rope_scaling": ["type": "dynamic", "factor": 2]], "rope_scaling.type"),
        (["rope_scaling": ["type": "linear"]], "rope_scaling.factor"), (["rope_scaling": 3], "rope_scaling"), (["num_hidden_layers": 1_000_000], "num_hidden_layers"),
        (["rope_scaling": ["factor": 3]], "rope_scaling.rope_type"), (["vocab_size": 0], "vocab_size"), (["rope_theta": 0], "rope_theta"),
        (["rope_scaling": ["type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1]], "rope_scaling.high_freq_factor"),
        (["rope_parameters": ["full_attention": ["rope_type": "default"]]], "rope_parameters.full_attention"),
    ] as [([String: JSONValue], String)])
    func refuses(_ changes: [String: JSONValue], _ place: String) {
        #expect(configurationProblems { _ = try configuration(configurationText(changes)) }.map(\.place) == [place])
    }

    @Test func writesBackWhatItRead() throws {
        let c = try configuration(configurationText(["custom": [1, 2.0]]))
        let written = c.huggingFaceConfiguration(dtype: "bfloat16")
        #expect(written["custom"] == [1, 2.0])
        #expect(written["torch_dtype"] == "bfloat16")
        #expect(written["rope_theta"] == .double(10000))
    }
}
