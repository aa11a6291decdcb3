import Basics
import Foundation

/// A repository of the Hugging Face hub: what people write where a path is meant, and how its files get onto the disk.
package struct HubName: Sendable, Equatable {
    /// `owner/name`.
    package let repository: String
    /// One file of it, where its address was given.
    package var file: String?

    /// The files that are read of a model, and those among them that hold its weights once more, in the form of Mistral's own program.
    private static let patterns = ["*.json", "*.jinja", "*.safetensors", "tokenizer*"], copies = "consolidated*"
    /// Folders of one's own that look like an owner.
    private static let folders: Set<String> = ["models", "runs", "configs", "datasets", "data", "out", "checkpoints", "exports", "export", "tmp"]

    package init(repository: String) { self.repository = repository }

    /// nil where the text is a path rather than a name or an address of the hub.
    package init?(_ text: String) {
        var rest = Substring(text), isAddress = false
        for start in ["https://", "http://", "hf://", "www.", "huggingface.co/", "hf.co/", "models/"] where rest.hasPrefix(start) && (start != "models/" || isAddress) {
            rest = rest.dropFirst(start.count)
            isAddress = true
        }
        if text.contains("://"), !text.hasPrefix("hf://"), !text.contains("huggingface.co/"), !text.contains("hf.co/") { return nil }
        let parts = rest.prefix { $0 != "?" && $0 != "#" }.split(separator: "/", omittingEmptySubsequences: !isAddress ? false : true).map(String.init)
        guard parts.count == 2 || (isAddress && parts.count > 2), parts.prefix(2).allSatisfy(Self.isWord) else { return nil }
        if !isAddress {
            let ends = [".gguf", ".h5", ".json", ".safetensors", ".bin"]
            guard !Self.folders.contains(parts[0]), !ends.contains(where: parts[1].hasSuffix), FileSystem.kind(of: parts[0]) == nil else { return nil }
        }
        repository = parts[0] + "/" + parts[1]
        if parts.count > 4, ["resolve", "blob"].contains(parts[2]) { file = parts[4...].joined(separator: "/") }
    }

    private static func isWord(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x30...0x7A).contains(first) else { return false }
        return text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    /// Where the configurations of this repository look for it.
    package var folder: String { "models/" + (repository.split(separator: "/").last.map(String.init) ?? repository) }

    /// What to type. The options take one pattern each time.
    package func command(to directory: String) -> String {
        let what = file ?? Self.patterns.map { "--include '\($0)'" }.joined(separator: " ") + " --exclude '\(Self.copies)'"
        return "hf download \(repository) \(what) --local-dir \(directory)"
    }

    /// What to do where a path was expected.
    package var advice: String {
        let path = file.map { folder + "/" + $0 } ?? folder
        let isThere = FileSystem.kind(of: path) != nil
        let known = KnownModel.all.first { $0.hub == repository }
        let get = isThere ? "" : " Get it\(known?.isGated == true ? ", after you have accepted its licence there and run `hf auth login`," : "") with: \(command(to: folder))   and then"
        return "that is a name of the Hugging Face hub, and nothing is downloaded here.\(get) give the path \(path)\(isThere ? ", which is there" : "")"
    }

    /// The same of any address; nil for a path.
    package static func advice(for text: String) -> String? {
        if let name = HubName(text) { return name.advice }
        return text.contains("://") ? "that is an address, and nothing is downloaded here: get the file, and give its path" : nil
    }
}
