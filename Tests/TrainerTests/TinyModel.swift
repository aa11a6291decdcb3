import Foundation
import Models
import Storage
import TestSupport
import Trainer

/// A model of one block, 16 wide, with random weights and the tokenizer of the embedded model: a step of it takes milliseconds.
enum TinyModel {
    /// - Parameter edit: changes the tensors, by name, before they are written.
    static func write(to directory: String, edit: (inout [String: [Float]]) -> Void = { _ in }) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let config = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
             "num_key_value_heads": 1, "vocab_size": 512, "max_position_embeddings": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu",
             "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"}
            """
        try Data(config.utf8).write(to: URL(fileURLWithPath: directory + "/config.json"))
        let tokenizer = GoldenFiles.repository.path + "/models/stories260K/tokenizer.model"
        try FileManager.default.copyItem(atPath: tokenizer, toPath: directory + "/tokenizer.model")
        let expected = try LlamaConfiguration(huggingFaceDirectory: directory).expectedWeights()
        var state: UInt64 = 7
        func next() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
        }
        var tensors: [String: [Float]] = [:]
        for (name, shape) in expected { tensors[name] = (0..<shape.reduce(1, *)).map { _ in shape.count == 1 ? 1 : 0.5 * next() } }
        edit(&tensors)
        let writer = try SafetensorsWriter(
            path: directory + "/model.safetensors", tensors: expected.map { TensorDescription(name: $0.name, type: .float32, shape: $0.shape) }, metadata: [:])
        for (name, _) in expected { try writer.write(name, tensors[name]!) }
        try writer.finish()
    }

    /// A job on the model in `directory` that takes one step; what it writes goes to `run` there.
    static func configuration(in directory: String, rows: [String] = rows) throws -> Configuration {
        let path = directory + "/rows.jsonl"
        if !FileManager.default.fileExists(atPath: path) {
            try Data(rows.map { "{\"text\": \"\($0)\"}" }.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        }
        let text = """
            {"model": "\(directory)/model", "chat_template": "plain", "datasets": [{"path": "\(path)"}], "max_seq_length": 24, "val_size": 2, "max_steps": 1, "threads": 1,
             "per_device_train_batch_size": 2, "dtype": "fp32", "report_to": [], "output_dir": "\(directory)/run", "compression": {"calibration": {"tokens": 64, "held_out_tokens": 32}}}
            """
        return try Configuration.parse(Array(text.utf8), file: "tiny.json")
    }

    static let rows = (0..<12).map { "The \(["cat", "dog", "hen"][$0 % 3]) sat in the \(["sun", "rain", "wind", "snow"][$0 / 3]) and was \(["red", "big", "old"][$0 * 5 % 3])." }
}
