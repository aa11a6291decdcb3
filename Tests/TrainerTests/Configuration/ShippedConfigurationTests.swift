import Foundation
import Testing
@testable import Trainer

/// Every file of `configs/` is sound and says what it is.
@Suite struct ShippedConfigurationTests {
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: repository.appendingPathComponent("configs").path)) ?? [])
        .filter { $0.hasSuffix(".json") }.sorted()

    static func load(_ name: String) throws -> Configuration {
        try Configuration.load(path: repository.appendingPathComponent("configs/\(name)").path)
    }

    @Test func allAreThere() {
        #expect(Set(Self.names).isSuperset(of: ["stories260k.json", "smollm2-135m.json", "tinyllama-1.1b.json", "llama7b.json"]))
    }

    @Test(arguments: names) func loads(_ name: String) throws {
        let configuration = try Self.load(name)
        let description = configuration.description.elements.joined(separator: "\n")
        #expect(description.contains("heal --config configs/\(name)"))
        #expect(description.contains("Expect:"))
        #expect(configuration.outputDirectory == "runs/\(name.dropLast(5))")
        // The description comes first, so that it is what a reader sees.
        let text = try String(contentsOf: repository.appendingPathComponent("configs/\(name)"), encoding: .utf8)
        #expect(text.hasPrefix("{\n  \"description\": ["))
        // A command is not broken.
        for line in text.split(separator: "\n") where !line.contains("hf download") { #expect(line.count <= 180) }
    }

    /// The share of the paper, 30 % of the block matrices' parameters, spread by the predicted loss; head and embedding stay dense.
    @Test func llama7bKeepsThirtyPercent() throws {
        let compression = try Self.load("llama7b.json").compression
        #expect(compression.keep == 0.3 && compression.spreadsParameters && compression.rules.isEmpty)
        for matrix in ["self_attn.q_proj", "mlp.down_proj"] {
            #expect(compression.decision(for: "model.layers.3.\(matrix).weight") == .mpo(cores: 2, size: .keep(0.3), legs: .lowRank))
        }
        #expect(compression.decision(for: "lm_head.weight") == .dense)
        #expect(compression.decision(for: "model.embed_tokens.weight") == .dense)
    }

    /// A configuration whose model is not on disk says where to put it and how to get it.
    @Test(arguments: ["smollm2-135m.json", "tinyllama-1.1b.json", "llama7b.json"]) func missingModelSaysHowToGetIt(_ name: String) throws {
        try withTemporaryDirectory { root in
            try FileManager.default.createDirectory(at: root.appendingPathComponent("configs"), withIntermediateDirectories: true)
            let copy = root.appendingPathComponent("configs/\(name)")
            try FileManager.default.copyItem(at: repository.appendingPathComponent("configs/\(name)"), to: copy)
            let configuration = try Configuration.load(path: copy.path, overrides: ["output_dir=\(root.path)/run"])
            guard configuration.existingPath(configuration.model) == nil else { return }  // run from a directory that has it
            let issue = try #require(try configuration.checkPaths().first)
            #expect(issue.key == "model")
            #expect(issue.message.contains("hf download "))
            #expect(issue.message.contains("--local-dir \(configuration.model)"))
        }
    }
}

/// `configs/README.md` lists every key, marks those that must not change, and no others.
@Suite struct ConfigurationReferenceTests {
    @Test func everyKeyIsDocumented() throws {
        let text = try String(contentsOf: repository.appendingPathComponent("configs/README.md"), encoding: .utf8)
        let parts = text.components(separatedBy: "### `compression`")
        #expect(parts.count == 2)
        func rows(_ text: String) -> [String: Bool] {
            var rows: [String: Bool] = [:]
            for line in text.split(separator: "\n") where line.hasPrefix("| `") && !line.contains(".json") {
                let cell = line.dropFirst(3).prefix { $0 != "|" }
                rows[String(cell.prefix { $0 != "`" })] = cell.contains("•")
            }
            return rows
        }
        let documented = rows(parts[0])
        #expect(Set(documented.keys) == Set(Configuration.settings.map(\.key)))
        for setting in Configuration.settings { #expect(documented[setting.key] == (setting.effect != .harmless), "\(setting.key)") }
        #expect(Set(rows(parts[1]).keys) == Set(CompressionConfiguration.settings.map(\.key)))
    }
}
