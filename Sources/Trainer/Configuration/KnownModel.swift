import Basics
import Foundation

/// Models that the configurations of this repository use, and how to get them.
package struct KnownModel: Sendable {
    package var folder: String
    /// The repository on the Hugging Face hub.
    package var hub: String
    package var size: String
    /// Whether its licence has to be accepted on the hub first.
    package var isGated = false

    package static let all = [
        KnownModel(folder: "SmolLM2-135M-Instruct", hub: "HuggingFaceTB/SmolLM2-135M-Instruct", size: "270 MB"),
        KnownModel(folder: "TinyLlama-1.1B-Chat-v1.0", hub: "TinyLlama/TinyLlama-1.1B-Chat-v1.0", size: "2.2 GB"),
        KnownModel(folder: "Llama-2-7b-hf", hub: "meta-llama/Llama-2-7b-hf", size: "13.5 GB", isGated: true),
    ]

    /// Where to put a missing model and how to get it.
    package static func advice(for path: String) -> String {
        if let advice = HubName.advice(for: path) { return advice.prefix(1).uppercased() + advice.dropFirst() }
        guard let model = known(FileSystem.name(of: path)) else {
            return "Put a Hugging Face directory (config.json, *.safetensors, tokenizer files) or a GGUF file there, or change the path"
        }
        let get = model.isGated ? "Accept its licence at https://huggingface.co/\(model.hub), run `hf auth login`, then get it" : "Get it"
        return "\(get) (\(model.size)) with: \(HubName(repository: model.hub).command(to: path))   (the command comes with: pip install huggingface_hub)"
    }

    /// The model of that folder; short names without the version are understood.
    static func known(_ folder: String) -> KnownModel? {
        let folder = folder.lowercased()
        guard folder.count >= 6 else { return nil }
        return all.first { $0.folder.lowercased() == folder } ?? all.first { $0.folder.lowercased().hasPrefix(folder) }
    }
}
