import Foundation
import HealData
import Kernels
import Models
@testable import Trainer

/// The embedded model, opened, and compressed to about half with cores of all kinds.
enum ExportSamples {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..").standardizedFileURL.path
    static let stories = root + "/models/stories260K"
    static let storiesGGUF = root + "/Tests/Golden/models/stories260K/stories260K-q4_1.gguf"

    /// Two cores everywhere, three in one kind of matrix, one kind left dense.
    static func compressed(_ opened: OpenedModel) throws -> ModelWeights {
        var compression = CompressionConfiguration()
        compression.keep = 0.5
        compression.skip.append(NamePattern(known: "o_proj"))
        let plan = try CompressionPlan(opened.configuration, compression)
        var weights = try opened.weights(leavingOut: Set(plan.compressed.map(\.name)))
        _ = try Compressor().run(plan, from: opened.source, into: &weights)
        return weights
    }

    static let tokens: [Int32] = [1, 403, 407, 261, 378, 432, 410, 444, 410, 410, 475, 479, 443, 2, 311, 288]

    static func logits(_ configuration: LlamaConfiguration, _ weights: ModelWeights) -> [Float] {
        LlamaModel(configuration, weights, compute: .f32, longestContext: 64).logits(TokenInput(tokens)).floats()
    }

    /// Runs `body` with a path where nothing is yet; what it makes there goes away afterwards.
    static func withTarget<T>(_ body: (String) throws -> T) throws -> T {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("export-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory.appendingPathComponent("out").path)
    }

    static func names(_ directory: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: directory).sorted() }
}

/// The description of what `body` throws; empty if it does not.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch {
        return "\(error)"
    }
}
