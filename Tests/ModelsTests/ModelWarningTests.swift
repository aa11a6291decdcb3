import Foundation
import Storage
import Testing

@testable import Models

/// What a directory's files say against its configuration.
@Suite struct ModelWarningTests {
    /// A copy of the small tied model, with tensors added and keys of its configuration changed.
    private func opened(adding added: [String: (shape: [Int], values: [Float])] = [:], _ changes: [String: String] = [:]) throws -> ModelFiles {
        let path = FileManager.default.temporaryDirectory.path + "/model-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: storageGoldens + "/qwen2", toPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let source = try SafetensorsDirectory(path: storageGoldens + "/qwen2")
        var tensors: [(name: String, shape: [Int], values: [Float])] = []
        for name in source.names { tensors.append((name, try source.shape(of: name), try source.floats(name))) }
        for (name, tensor) in added { tensors.append((name, tensor.shape, tensor.values)) }
        let writer = try SafetensorsWriter(
            path: path + "/model.safetensors", tensors: tensors.map { TensorDescription(name: $0.name, type: .float32, shape: $0.shape) })
        for tensor in tensors { try writer.write(tensor.name, tensor.values) }
        try writer.finish()
        var text = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
        for (old, new) in changes { text = text.replacingOccurrences(of: old, with: new) }
        try text.write(toFile: path + "/config.json", atomically: true, encoding: .utf8)
        return try ModelFiles.open(path)
    }

    private var embedding: [Float] {
        get throws { try SafetensorsDirectory(path: storageGoldens + "/qwen2").floats("model.embed_tokens.weight") }
    }

    @Test func aCleanModelHasNone() throws {
        for family in ["llama", "qwen2", "qwen3"] {
            #expect(try ModelFiles.open(storageGoldens + "/" + family).warnings == [])
            #expect(try ModelFiles.open(storageGoldens + "/\(family).gguf").warnings == [])
        }
        #expect(try ModelFiles.open(storageGoldens + "/split/qwen2-00002-of-00003.gguf").warnings == [])
    }

    @Test func anotherHeadThanTheTiedOneIsUsed() throws {
        let files = try opened(adding: ["lm_head.weight": ([8, 16], try embedding.reversed())])
        #expect(!files.configuration.tiesWordEmbeddings)
        #expect(files.configuration.huggingFaceConfiguration(dtype: "float32")["tie_word_embeddings"]?.bool == false)
        #expect(files.warnings.count == 1 && files.warnings[0].contains("lm_head.weight"))
    }

    @Test func theEmbeddingOnceMoreIsNoOtherHead() throws {
        let files = try opened(adding: ["lm_head.weight": ([8, 16], try embedding)])
        #expect(files.configuration.tiesWordEmbeddings)
        #expect(files.warnings == [])
    }

    @Test func unusedTensorsAreNamedByKind() throws {
        let files = try opened(adding: [
            "model.layers.0.self_attn.o_proj.bias": ([16], [Float](repeating: 1, count: 16)),
            "model.layers.1.self_attn.o_proj.bias": ([16], [Float](repeating: 1, count: 16)),
            "extra": ([1], [1]), "model.layers.0.self_attn.rotary_emb.inv_freq": ([2], [1, 0.1]),
        ])
        #expect(files.warnings.count == 1)
        #expect(files.warnings.first?.contains("3 tensors") == true)
        #expect(files.warnings.first?.contains("extra, model.layers.*.self_attn.o_proj.bias (2)") == true)
    }

    @Test func layersBeyondTheConfigurationAreNamed() throws {
        let warning = try #require(try opened(["\"num_hidden_layers\": 2": "\"num_hidden_layers\": 1"]).warnings.first)
        #expect(warning.contains("12 tensors") && warning.contains("num_hidden_layers is 1"))
    }
}

@Suite struct ForeignModelTests {
    private func message(_ files: [String: String]) throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/foreign-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name)) }
        do { _ = try ModelFiles.open(files.count == 1 ? path + "/" + files.keys.first! : path) } catch { return "\(error)" }
        return ""
    }

    @Test(arguments: [
        ("adapter_config.json", "merge"), ("model.onnx", "ONNX"), ("consolidated.00.pth", "Meta"), ("pytorch_model-00001-of-00002.bin", "safetensors"),
        ("flax_model.msgpack", "Flax"), ("weights.npz", "MLX"), ("ggml-model-q4_0.bin", "GGML"), ("tf_model.h5", "TensorFlow"), ("model.zip", "unpack"),
        ("model-00001-of-00002.safetensors.incomplete", "not completed"), ("model.gguf.part", "not completed"), ("model.safetensors.aria2", "not completed"),
    ])
    func directoriesSayWhatTheyHold(_ name: String, _ words: String) throws {
        #expect(try message([name: "x", "README.md": "x"]).contains(words))
        #expect(try message([name: "x", "README.md": "x"]).contains(name))
    }

    @Test(arguments: [
        ("model.safetensors", "x", "give its directory"), ("run.yaml", "model: x", "not a model but a configuration"), ("m.bin", "PK\u{3}\u{4}", "zip archive"),
        ("m.bin", "lmgg", "before GGUF"), ("m.gguf", "version https://git-lfs.github.com/spec/v1\noid", "Git LFS"), ("m.gguf", "", "empty"),
        ("m.gguf", "<!doctype html>", "HTML"),
    ])
    func filesSayWhatTheyAre(_ name: String, _ content: String, _ words: String) throws {
        #expect(try message([name: content]).contains(words))
    }

    @Test func namesOnTheHubAreRecognised() {
        #expect(ForeignModel.hubAdvice("HuggingFaceTB/SmolLM2-135M").contains("hf download HuggingFaceTB/SmolLM2-135M --local-dir models/SmolLM2-135M"))
        for path in ["/a/b", "a/b/c", "model", "./a/b", "../a", "a b/c"] { #expect(ForeignModel.hubAdvice(path) == "", "\(path)") }
    }

    @Test func wrappersNameTheModelInside() {
        let problems = configurationProblems { _ = try configuration(#"{"model_type": "llava", "text_config": {"model_type": "llama"}}"#) }
        #expect(problems.first?.message.contains("around one of the type \"llama\"") == true)
    }
}
