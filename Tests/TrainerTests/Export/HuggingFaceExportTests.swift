import Basics
import Foundation
import HealData
import Kernels
import Models
import Storage
import Testing
@testable import Trainer

@Suite struct HuggingFaceExportTests {
    /// What training in float32 computes with the cores, and what the dense directory computes.
    @Test func denseDirectoryComputesTheSame() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            var steps: [Int] = []
            let summary = try HuggingFaceExport.write(opened, weights: weights, to: target, dtype: .fp32) { steps.append($0.done) }
            #expect(summary.parameters == 260_032)
            #expect(summary.bytes == 4 * 260_032)
            #expect(steps == Array(1...47))
            let back = try OpenedModel.open(target)
            #expect(back.layouts.isEmpty)
            #expect(!back.source.contains("lm_head.weight"))
            let expected = ExportSamples.logits(opened.configuration, weights)
            let found = ExportSamples.logits(back.configuration, try back.weights())
            let scale = expected.map(abs).max()!
            #expect(scale > 1)
            #expect(zip(expected, found).allSatisfy { abs($0 - $1) <= 1e-5 * scale })
            // The truncation is large enough that the original would not pass.
            let original = ExportSamples.logits(opened.configuration, try opened.weights())
            #expect(!zip(original, found).allSatisfy { abs($0 - $1) <= 0.01 * scale })
            let text = "Once upon a time, there was a 3-legged <s> cat.\n\n  été"
            #expect(back.tokenizer.encode(text) == opened.tokenizer.encode(text))
            #expect(back.tokenizer.addsBos && back.tokenizer.special == opened.tokenizer.special)
        }
    }

    @Test func denseModelStaysBitForBit() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try opened.weights()
        try ExportSamples.withTarget { target in
            try HuggingFaceExport.write(opened, weights: weights, to: target, dtype: .fp32)
            let back = try OpenedModel.open(target).weights()
            #expect(back.names == weights.names)
            for name in weights.names { #expect(back.tensors[name]!.floats() == weights.tensors[name]!.floats(), "\(name)") }
        }
    }

    @Test func bfloat16RoundsToNearest() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try opened.weights()
        try ExportSamples.withTarget { target in
            let summary = try HuggingFaceExport.write(opened, weights: weights, to: target, dtype: .bf16)
            #expect(summary.bytes == 2 * 260_032)
            let back = try OpenedModel.open(target)
            #expect(back.configuration.dtype == "bfloat16")
            for name in ["model.embed_tokens.weight", "model.layers.3.mlp.down_proj.weight", "model.norm.weight"] {
                #expect(try back.source.elementType(of: name) == .bfloat16)
                let expected = weights.tensors[name]!.floats().map { FloatFormats.float(bfloat16: FloatFormats.bfloat16($0)) }
                #expect(try back.source.floats(name) == expected, "\(name)")
            }
            // Half-width weights go into either type without a change.
            let narrow = try back.weights()
            #expect(narrow.tensors["model.norm.weight"]!.dtype == .bf16)
            try HuggingFaceExport.write(back, weights: narrow, to: target + "2", dtype: .bf16)
            try HuggingFaceExport.write(back, weights: narrow, to: target + "3", dtype: .fp32)
            for name in narrow.names {
                for other in ["2", "3"] { #expect(try OpenedModel.open(target + other).source.floats(name) == narrow.tensors[name]!.floats()) }
            }
        }
    }

    @Test func shardsAboveTheLimit() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            _ = try HuggingFaceExport.write(opened, weights, target, .fp32, false, shardSize: 300_000) { _ in }
            let names = try ExportSamples.names(target)
            #expect(names.contains("model-00001-of-00004.safetensors") && names.contains("model.safetensors.index.json"))
            #expect(!names.contains("model.safetensors"))
            let back = try OpenedModel.open(target)
            #expect(try back.weights().parameterCount == 260_032)
            // Shards are recognised as an earlier export too.
            try HuggingFaceExport.write(opened, weights: weights, to: target, dtype: .bf16)
            #expect(try ExportSamples.names(target).filter { $0.hasSuffix(".safetensors") } == ["model.safetensors"])
        }
    }

    @Test func incompleteWeightsAreNamed() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        var weights = try ExportSamples.compressed(opened)
        weights.tensors["model.norm.weight"] = nil
        weights.tensors["model.layers.1.mlp.up_proj.cores.1"] = Tensor.zeros([3], .f32)
        try ExportSamples.withTarget { target in
            let text = message { try HuggingFaceExport.write(opened, weights: weights, to: target, dtype: .fp32) }
            #expect(text.contains("model.norm.weight: is missing"))
            #expect(text.contains("model.layers.1.mlp.up_proj.cores.1: has the shape [3]"))
            #expect(!FileManager.default.fileExists(atPath: target))
        }
    }

    /// Every rotary setting reaches versions of transformers that do not know `rope_parameters`.
    @Test(arguments: ["llama3", "qwen2", "smollm2"]) func configurationInBothSpellings(folder: String) throws {
        let directory = ExportSamples.root + "/Tests/Golden/models/" + folder
        let configuration = try LlamaConfiguration(huggingFaceDirectory: directory)
        #expect(configuration.raw["rope_parameters"] != nil && configuration.raw["rope_theta"] == nil)
        var exported = HuggingFaceCompatibility.configuration(configuration, dtype: .bf16).object!
        #expect(exported["torch_dtype"] == "bfloat16")
        for key in ["both", "new", "old"] {
            var members = exported
            if key == "new" { (members["rope_theta"], members["rope_scaling"]) = (nil, nil) }
            if key == "old" { members["rope_parameters"] = nil }
            let back = try LlamaConfiguration(huggingFace: members, file: key)
            #expect(back.ropeTheta == configuration.ropeTheta, "\(key)")
            #expect(back.ropeScaling == configuration.ropeScaling, "\(key)")
        }
        exported["rope_parameters"] = nil
        #expect(exported["rope_theta"]?.double == configuration.ropeTheta)
    }

    @Test func tokenizerClassOfVersion5() throws {
        let old = #"{"tokenizer_class":"TokenizersBackend","backend":"tokenizers","extra_special_tokens":["<a>"],"bos_token":"<s>"}"#
        let new = HuggingFaceCompatibility.tokenizerConfiguration(Array(old.utf8), chatTemplate: "{{ x }}")
        let members = try JSONValue.parse(String(decoding: new, as: UTF8.self))
        #expect(members["tokenizer_class"] == "PreTrainedTokenizerFast")
        #expect(members["additional_special_tokens"] == ["<a>"])
        #expect(members["extra_special_tokens"] == nil)
        #expect(members["bos_token"] == "<s>")
        #expect(members["chat_template"] == "{{ x }}")
        let other = Array(#"{ "tokenizer_class" : "LlamaTokenizer" }"#.utf8)
        #expect(HuggingFaceCompatibility.tokenizerConfiguration(other, chatTemplate: nil) == other)
    }
}
