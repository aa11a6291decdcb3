import Basics
import Foundation
import Models
import Storage
import Testing
import TestSupport

@testable import Trainer

@Suite struct UnusableNumbersTests {
    /// The embedded model with one number of each named tensor replaced.
    private func withModel(_ changed: [String: Float], _ body: (OpenedModel) throws -> Void) throws {
        let original = GoldenFiles.repository.path + "/models/stories260K"
        let path = FileManager.default.temporaryDirectory.path + "/numbers-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: original, toPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let source = try SafetensorsDirectory(path: original), names = source.names
        let tensors = try names.map { TensorDescription(name: $0, type: .float32, shape: try source.shape(of: $0)) }
        let writer = try SafetensorsWriter(path: path + "/model.safetensors", tensors: tensors)
        for name in names {
            var values = try source.floats(name)
            if let value = changed[name] { values[5] = value }
            try writer.write(name, values)
        }
        try writer.finish()
        try body(try OpenedModel.open(path))
    }

    @Test func allOfThemAreFound() throws {
        let bad = ["model.norm.weight": Float.nan, "model.embed_tokens.weight": -.infinity, "model.layers.3.mlp.up_proj.weight": .infinity]
        try withModel(bad) { opened in
            let places = try opened.unusableNumbers().map { ($0 as? StorageError)?.place ?? "" }
            #expect(places == bad.keys.sorted())
        }
        try withModel([:]) { opened in
            let errors = try opened.unusableNumbers()
            #expect(errors.isEmpty)
        }
    }

    /// Whatever reads the weights finds them: to compute, to export, to decompose.
    @Test func everyUseIsRefused() throws {
        let name = "model.layers.1.mlp.down_proj"
        try withModel([name + ".weight": .nan]) { opened in
            for use: () throws -> Void in [
                { _ = try opened.weights() }, { _ = try opened.weights(of: "model.layers.1") }, { _ = try opened.denseTensor(name + ".weight") },
                { _ = try opened.source.floats(name + ".weight") },
            ] {
                let error = #expect(throws: StorageError.self) { try use() }
                #expect(error?.place == name + ".weight")
                #expect(error?.message.contains("row 0, column 5") == true)
            }
            _ = try opened.weights(leavingOut: [name])
        }
    }
}
