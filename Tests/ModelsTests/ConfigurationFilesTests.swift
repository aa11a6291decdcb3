import Foundation
import Models
import Storage
import Testing

@Suite struct ConfigurationFilesTests {
    @Test(arguments: ["llama", "qwen2", "qwen3"])
    func ggufAndHuggingFaceAgree(_ family: String) throws {
        let gguf = try ModelFiles.open(storageGoldens + "/\(family).gguf"), directory = try ModelFiles.open(storageGoldens + "/" + family)
        let a = gguf.configuration, b = directory.configuration
        #expect(a.family == b.family && a.family.rawValue == family)
        #expect(a.sizes == b.sizes)
        #expect(Float(a.rmsNormEpsilon) == Float(b.rmsNormEpsilon))
        #expect(a.ropeTheta == b.ropeTheta && a.ropeScaling == b.ropeScaling)
        #expect((family == "llama") == (a.ropeScaling != .none))
        #expect(a.tiesWordEmbeddings == b.tiesWordEmbeddings && a.tiesWordEmbeddings == (family != "llama"))
        #expect(a.biases == b.biases)
        #expect(a.slidingWindow == b.slidingWindow)
        #expect(a.beginOfSequence == 1 && a.endOfSequence == [2])
        #expect(gguf.weights.names == directory.weights.names)
        #expect(Set(a.expectedWeights().map(\.name)) == Set(gguf.weights.names))
        guard case .gguf(let tokenizer) = gguf.tokenizer else { Issue.record("no tokenizer"); return }
        #expect(tokenizer.tokens.count == 8)
        // What an export of the GGUF model would write reads back as the same model.
        let again = try LlamaConfiguration(huggingFace: try #require(a.huggingFaceConfiguration(dtype: "float32").object), file: "again")
        #expect(again.ropeScaling == a.ropeScaling && again.headDimension == a.headDimension && again.queryKeyValueBias == a.queryKeyValueBias)
        #expect(again.tiesWordEmbeddings == a.tiesWordEmbeddings && again.endOfSequence == a.endOfSequence && again.dtype == "float32")
    }

    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/model-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: storageGoldens + "/qwen2", toPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test func saysWhatAModelIs() throws {
        #expect(message { _ = try ModelFiles.open("/no/such/model") } == "/no/such/model: there is no such model; give a Hugging Face directory (config.json and *.safetensors) or a GGUF file")
        #expect(message { _ = try ModelFiles.open("/dev/null") }.contains("neither a file nor a directory"))
        #expect(message { _ = try ModelFiles.open(storageGoldens + "/make.py") }.contains("is not a model"))
        #expect(message { _ = try ModelFiles.open(storageGoldens + "/sharded") }.contains("no config.json"))
        #expect(message { _ = try ModelFiles.open(storageGoldens) }.contains("name one of them"))
        try withDirectory { path in
            try FileManager.default.removeItem(atPath: path + "/model.safetensors")
            try Data().write(to: URL(fileURLWithPath: path + "/pytorch_model.bin"))
            #expect(message { _ = try ModelFiles.open(path) }.contains("converted to safetensors"))
            for name in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
                try Data().write(to: URL(fileURLWithPath: path + "/" + name))
                let words = name.contains("00001-of") ? "holds 1 of 2 shards of weights and not their index" : "only their index is missing: download model.safetensors.index.json"
                #expect(message { _ = try ModelFiles.open(path) }.contains(words))
            }
            try FileManager.default.removeItem(atPath: path + "/config.json")
            try FileManager.default.copyItem(atPath: storageGoldens + "/qwen3.gguf", toPath: path + "/qwen3.gguf")
            #expect(try ModelFiles.open(path).configuration.family == .qwen3)
        }
    }

    @Test func checksTheWeights() throws {
        try withDirectory { path in
            let text = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
            try text.replacingOccurrences(of: "\"intermediate_size\": 32", with: "\"intermediate_size\": 33")
                .replacingOccurrences(of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 3")
                .write(toFile: path + "/config.json", atomically: true, encoding: .utf8)
            let problems = configurationProblems { _ = try ModelFiles.open(path) }
            #expect(problems.filter { $0.message == "is missing" }.count == 12)
            #expect(problems.filter { $0.message.contains("[33, 16]") }.count == 4)
            #expect(problems.filter { $0.message.contains("[16, 33]") }.count == 2)
            #expect(problems.count == 18)
        }
    }

    @Test func addsTheEndsOfGeneration() throws {
        try withDirectory { path in
            try "{\"eos_token_id\": [5, 2, 99]}".write(toFile: path + "/generation_config.json", atomically: true, encoding: .utf8)
            #expect(try ModelFiles.open(path).configuration.endOfSequence == [2, 5])
        }
    }
}
