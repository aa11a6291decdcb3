import Basics
import Foundation
import Models
import Storage
import Testing

@testable import Trainer

/// Model files from strangers.
@Suite(.serialized) struct ModelFileFuzzTests {
    @Test func safetensors() throws {
        let storage = goldens + "/storage"
        let seeds = try ["types.safetensors", "rounding.safetensors", "qwen2/model.safetensors"].map { try content(storage + "/" + $0) }
        let words = ["\"dtype\":\"F32\"", "BF16", "F8_E4M3", "F4", "\"shape\":[]", "[4294967296,4294967296]", "\"data_offsets\":[0,0]", "__metadata__", "{", "["]
        try Campaign(name: "safetensors", seeds: seeds, words: words, header: 600).run { _, path in
            let weights = FiniteWeights(try SafetensorsDirectory(file: path))
            for name in weights.names {
                try? weights.check(name)
                _ = try? weights.floats(name)
            }
        }
    }

    @Test func shardIndex() throws {
        try withScratch { scratch in
            for name in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
                try FileManager.default.copyItem(atPath: goldens + "/storage/sharded/" + name, toPath: scratch + "/" + name)
            }
            let seed = try content(goldens + "/storage/sharded/model.safetensors.index.json")
            try Campaign(name: "shard-index", seeds: [seed], words: ["weight_map", "..", "/", "\"\"", "model-00001-of-00002.safetensors", "\"c\":"]).run { bytes, _ in
                try replace(scratch + "/model.safetensors.index.json", bytes)
                _ = try SafetensorsDirectory(path: scratch)
            }
        }
    }

    @Test func gguf() throws {
        let storage = goldens + "/storage"
        let seeds = try ["llama.gguf", "qwen2.gguf", "qwen3.gguf"].map { try content(storage + "/" + $0) }
        let words = ["general.alignment", "split.count", "tokenizer.ggml.tokens", "llama.rope.scaling.type", "yarn", "gpt2", "rope_freqs.weight", "output.weight"]
        try Campaign(name: "gguf", seeds: seeds, words: words, header: 2600).run { _, path in
            let opened = try OpenedModel.open(path)
            for name in opened.source.names { _ = try? opened.source.floats(name) }
            _ = opened.tokenizer.decode(opened.tokenizer.encode("a bc<s>é"), skipSpecial: false)
        }
    }

    /// Metadata of every type and blocks of every type.
    @Test func ggufValues() throws {
        let seeds = try ["quants.gguf", "small-quants.gguf"].map { try content(goldens + "/storage/" + $0) }
        try Campaign(name: "gguf-values", seeds: seeds, words: ["array.array", "GGUF"], header: 1800).run { _, path in
            let file = try GGUFFile(path: path)
            for tensor in file.tensors { _ = try? file.floats(tensor) }
            for value in file.metadata.values { _ = try? value.array?.elements() }
        }
    }

    @Test func configuration() throws {
        try withScratch { scratch in
            let storage = goldens + "/storage"
            let seeds = try ["llama/config.json", "qwen2/config.json", "qwen3/config.json"].map { try content(storage + "/" + $0) }
            let words = [
                "\"head_dim\":", "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":", "\"text_config\":{", "\"quantization_config\":{", "mistral", "\"sliding_window\":",
                "\"rope_parameters\":{", "\"eos_token_id\":[",
            ]
            try Campaign(name: "config", seeds: seeds, words: words).run { bytes, _ in
                try replace(scratch + "/config.json", bytes)
                try replace(scratch + "/generation_config.json", bytes)
                let configuration = try LlamaConfiguration(huggingFaceDirectory: scratch)
                _ = configuration.expectedWeights()
                _ = configuration.ropeScaling.frequencies(headDimension: min(4096, configuration.headDimension), theta: configuration.ropeTheta)
            }
        }
    }

    /// The file's seal is made to fit the damage: what a stranger could send.
    ///
    /// Only on request: the HDF5 library trusts its input, and not every lie in a file's structure can be found before it does.
    @Test(.enabled(if: Campaign.isRequested)) func checkpoint() throws {
        try withScratch { scratch in
            let path = scratch + "/seed.h5"
            let file = try SealedFile.create(path)
            try file.createGroup("model")
            try file.setAttribute("format", "heal-checkpoint", at: "/")
            try file.setAttribute("step", 7, at: "model")
            try file.writeText("{\"a\": 1}", at: "config")
            try file.write([Float](repeating: 0.5, count: 24), shape: [4, 6], at: "model/core_0")
            try file.write([Int64](0..<5), at: "model/bonds")
            try file.close()
            try SealedFile.seal(path, syncing: false)
            try Campaign(name: "checkpoint", seeds: [try content(path)], header: 8192, usual: 600).run { bytes, path in
                guard bytes.count > SealedFile.blockSize else { throw StorageError(.truncated, file: path, "is shorter than its seal") }
                try SealedFile.seal(path, syncing: false)
                let file = try SealedFile.open(path)
                defer { try? file.close() }
                try walk(file, "/")
            }
        }
    }

    private func walk(_ file: HDF5File, _ place: String, depth: Int = 0) throws {
        _ = try? file.intAttribute("step", at: place)
        _ = try? file.stringAttribute("format", at: place)
        _ = try? file.readText(place)
        _ = try? file.read(place, as: Float.self)
        _ = try? file.read(place, as: Int64.self)
        guard depth < 4 else { return }
        for child in try file.children(of: place) { try? walk(file, place == "/" ? child : place + "/" + child, depth: depth + 1) }
    }
}

func withScratch(_ body: (String) throws -> Void) throws {
    let path = scratchRoot + "/fuzz-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
}

/// A new file in place of the old one.
func replace(_ path: String, _ bytes: [UInt8]) throws {
    unlink(path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}
