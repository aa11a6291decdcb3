import Foundation
import Models
import TensorTrain
import TestSupport
import Testing
@testable import Trainer

/// Keys that find nothing to act on in the model are mistakes before any work.
@Suite struct ConfigurationPlanTests {
    private func model() throws -> LlamaConfiguration { try LlamaConfiguration(huggingFaceDirectory: GoldenFiles.repository.path + "/models/stories260K") }

    private func configuration(_ keys: String) throws -> Configuration {
        try Configuration.parse(Array(#"{"model": "m", "datasets": [{"path": "d.jsonl"}], \#(keys)}"#.utf8), file: "x.json")
    }

    private func layouts(_ model: LlamaConfiguration, but dense: String = "none") throws -> [String: MPOLayout] {
        Dictionary(uniqueKeysWithValues: try CompressionPlan(model, CompressionConfiguration()).compressed.map { ($0.name, $0.layout!) }.filter { !$0.0.hasSuffix(dense) })
    }

    private func messages(_ keys: String, _ model: LlamaConfiguration, _ present: [String: MPOLayout], goesOn: Bool = false) throws -> [String] {
        do {
            _ = try configuration(keys).plan(model, present: present, goesOn: goesOn)
            return []
        } catch let error as Trainer.ConfigurationError { return error.issues.map(\.description) }
    }

    @Test func keysOfCompressionAreIdleOnACompressedModel() throws {
        let model = try model(), all = try layouts(model)
        let keys = #""compression": {"keep": 0.8, "init": "svd", "skip": [], "plan": "rebuild"}"#
        let idle = "has no effect: no matrix of m is left to be compressed; remove it, or let \"model\" name the dense model"
        let found = try messages(keys, model, all)
        #expect(Set(found) == Set(["keep", "init", "skip"].map { "x.json:1: compression.\($0): \(idle)" }))
        // A dense model, a run that goes on, and keys that act or are not given.
        #expect(try messages(keys, model, [:]).isEmpty && messages(keys, model, all, goesOn: true).isEmpty)
        #expect(try messages(#""compression": {"plan": "rebuild", "keep": null}"#, model, all).isEmpty && messages(#""max_steps": 1"#, model, all).isEmpty)
    }

    /// Of matrices that are still dense, `skip` keeps some so; those that are left are compressed as the keys say.
    @Test func keysActOnWhatIsLeft() throws {
        let model = try model(), most = try layouts(model, but: "down_proj")
        #expect(try messages(#""compression": {"keep": 0.5}"#, model, most).isEmpty)
        let skipped = try messages(#""compression": {"keep": 0.5, "skip": ["down_proj"]}"#, model, most)
        #expect(skipped.count == 1 && skipped[0].hasPrefix("x.json:1: compression.keep: has no effect"), "\(skipped)")
    }

    /// The file that a run leaves behind names every key; what it says by default is no mistake, anything else is.
    @Test func aWrittenConfigurationIsOne() throws {
        let model = try model(), all = try layouts(model)
        func found(_ keys: String) throws -> [String] {
            let written = try Configuration.parse(Array(try configuration(keys).canonicalText.utf8), file: "run/configuration.json")
            return written.issues(with: try CompressionPlan(model, written.compression, present: all), of: model, present: all).map(\.key)
        }
        #expect(try found(#""max_steps": 1"#) == [] && found(#""compression": {"keep": 0.5}"#) == ["compression.keep"])
    }

    @Test func patternsOfTrainableMatch() throws {
        let model = try model()
        #expect(try messages(#""trainable": ["norm", "*", "embed_tokens"]"#, model, [:]).isEmpty)
        #expect(try messages(#""trainable": ["nomatch", "all", "q_proj"]"#, model, [:]) == [
            "x.json:1: trainable[0]: \"nomatch\" matches no weight of this model; names look like model.norm.weight, and \"*\" is all of them",
            "x.json:1: trainable[1]: \"all\" matches no weight of this model; [\"*\"] trains every weight; without the key the cores alone are trained",
            "x.json:1: trainable[2]: \"q_proj\" names compressed matrices alone, whose cores are trained anyway; remove it",
        ])
        // A matrix that stays dense may be trained.
        #expect(try messages(#""trainable": ["q_proj"], "compression": {"skip": ["q_proj"]}"#, model, [:]).isEmpty)
    }
}
