import Kernels
import Models
import TestSupport

/// `Tests/Golden/models/<family>/golden.json`.
struct ToyGolden: Decodable {
    var ids: [[Int32]]
    var targets: [[Int32]]?
    var trained_tokens: Int?
    var loss: Double?

    init(_ family: String) throws { self = try GoldenFiles.json("models/\(family)/golden.json") }
}

let toyFamilies = ["llama2", "llama3", "mistral", "qwen2", "qwen3", "smollm2", "llama-bias"]
