import Basics
import Foundation
import Storage

/// What lies at a path that holds no model which can be read, and what to do with it.
package enum ForeignModel {
    /// Of a directory without weights or configuration of a readable form: what it holds instead, for a message after its name; nil where nothing is recognised.
    package static func explanation(directory path: String) -> String? {
        guard let names = try? FileSystem.names(in: path) else { return nil }
        if let unfinished = unfinishedDownload(names) { return unfinished }
        if let shards = shardsWithoutIndex(names) { return shards }
        for form in forms {
            if let name = names.first(where: { form.matches($0.lowercased()) }) { return "holds \(form.what) (\(name)); \(form.advice)" }
        }
        return nil
    }

    /// Of a file that is neither GGUF nor a checkpoint.
    static func explanation(file path: String) throws(StorageError) -> String? {
        let name = FileSystem.name(of: path).lowercased()
        if name == SafetensorsDirectory.singleName || name.hasSuffix(".safetensors") { return "is one file of a Hugging Face model; give its directory" }
        if name.hasSuffix(".safetensors.index.json") || name == "config.json" { return "is one file of a Hugging Face model; give its directory" }
        let head = try MappedFile(path: path).withBytes { (bytes) throws(StorageError) in Array(bytes.prefix(512)) }
        if let magic = ["lmgg", "tjgg", "fmgg", "algg"].first(where: { head.starts(with: $0.utf8) }) {
            return "is a GGML file of the form before GGUF (\"\(magic)\"); convert the original model to GGUF again, or take its safetensors"
        }
        if let explanation = MistakenFile.explanation(of: head, expected: .binary) { return explanation }
        if let form = forms.first(where: { $0.matches(name) }) { return "is \(form.what); \(form.advice)" }
        if [".json", ".yaml", ".yml", ".toml"].contains(where: name.hasSuffix) { return "is not a model but a configuration; give the model's directory" }
        return nil
    }

    /// A word on a path that does not exist but looks like the name of a model on the hub; empty otherwise.
    package static func hubAdvice(_ path: String) -> String {
        guard let name = path.wholeMatch(of: /([A-Za-z0-9][A-Za-z0-9._-]*)\/([A-Za-z0-9][A-Za-z0-9._-]*)/), FileSystem.kind(of: String(name.1)) == nil else { return "" }
        return "; if that is a model's name on the Hugging Face hub, download it first: hf download \(path) --local-dir models/\(name.2)"
    }

    /// What download programs leave beside or in place of a file that is not complete.
    static func unfinishedDownload(_ names: [String]) -> String? {
        let endings = [".incomplete", ".part", ".aria2", ".crdownload", ".download", ".partial", ".tmp"]
        let weights = [".safetensors", ".gguf", ".json", ".model", ".bin"]
        let leftover = names.first { name in
            endings.contains { ending in name.hasSuffix(ending) && weights.contains { name.dropLast(ending.count).hasSuffix($0) } }
        }
        return leftover.map { "holds \($0): a download that was not completed; finish it, then remove that file" }
    }

    /// The shards of a model whose index is not there.
    private static func shardsWithoutIndex(_ names: [String]) -> String? {
        let counts = names.compactMap { name in name.wholeMatch(of: /model-\d{5}-of-(\d{5})\.safetensors/).flatMap { Int($0.1) } }
        let index = SafetensorsDirectory.indexName
        guard let count = counts.first, names.contains("config.json"), !names.contains(index) else { return nil }
        if counts.count < count { return "holds \(counts.count) of \(count) shards of weights and not their index; download the others and \(index)" }
        return "holds all \(count) shards of the weights; only their index is missing: download \(index)"
    }

    /// Weights in another form, recognised by a file's name in lower case.
    private struct Form: Sendable {
        let what: String
        let advice: String
        let matches: @Sendable (String) -> Bool
    }

    private static let toSafetensors = "they have to be converted to safetensors first, for instance with transformers' save_pretrained"

    private static let forms = [
        Form(what: "an adapter, not a model", advice: "merge it into its base model first (peft's merge_and_unload, then save_pretrained)") {
            $0 == "adapter_config.json" || $0.hasPrefix("adapter_model.") || $0.hasSuffix(".lora.safetensors")
        },
        Form(what: "Meta's original weights", advice: "take the model in Hugging Face's form (its repository without \"original\"), or convert it") {
            $0.hasPrefix("consolidated.") && ($0.hasSuffix(".pth") || $0.hasSuffix(".safetensors"))
        },
        Form(what: "PyTorch weights", advice: toSafetensors) {
            $0.hasPrefix("pytorch_model") || $0.hasSuffix(".pth") || $0.hasSuffix(".pt") || $0.hasSuffix(".ckpt")
        },
        Form(what: "a GGML file of the form before GGUF", advice: "convert the original model to GGUF again, or take its safetensors") {
            $0.hasPrefix("ggml-") && $0.hasSuffix(".bin") || $0.contains(".ggml")
        },
        Form(what: "PyTorch weights", advice: toSafetensors) { $0.hasSuffix(".bin") },
        Form(what: "an ONNX model", advice: "take the model that it was made from") { $0.hasSuffix(".onnx") },
        Form(what: "TensorFlow weights", advice: toSafetensors) { $0 == "tf_model.h5" || $0.hasSuffix(".tflite") || $0 == "saved_model.pb" },
        Form(what: "Flax weights", advice: toSafetensors) { $0.hasSuffix(".msgpack") },
        Form(what: "MLX weights", advice: "take the model that they were made from") { $0.hasSuffix(".npz") },
        Form(what: "a Core ML model", advice: "take the model that it was made from") { $0.hasSuffix(".mlpackage") || $0.hasSuffix(".mlmodel") },
        Form(what: "a TensorRT engine", advice: "take the model that it was made from") { $0.hasSuffix(".engine") },
        Form(what: "an archive", advice: "unpack it") { [".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".z01", ".rar", ".zst"].contains(where: $0.hasSuffix) },
    ]
}
