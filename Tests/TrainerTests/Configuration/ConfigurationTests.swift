import Foundation
import HealData
import Testing
@testable import Trainer

@Suite struct ConfigurationTests {
    static func parse(_ keys: String = "", _ overrides: String...) throws -> Configuration {
        let text = "{\"model\": \"m\", \"datasets\": [{\"path\": \"a\", \"weight\": 1}, {\"path\": \"b\", \"weight\": 2}]\(keys.isEmpty ? "" : ", ")\(keys)}"
        return try Configuration.parse(Array(text.utf8), file: "configs/x.json", overrides: overrides)
    }

    @Test func defaults() throws {
        let configuration = try Self.parse()
        let text = configuration.canonicalText
        let expected = try String(contentsOf: golden("config/defaults.json"), encoding: .utf8)
        #expect(text == expected)
    }

    /// What is stored in a checkpoint reads back as the same configuration, whatever the keys.
    @Test(arguments: [
        "",
        "\"compression\": {\"bond_dimension\": 64, \"cores\": 3, \"rules\": [{\"match\": [\"a\", \"b\"], \"layers\": \"0-3\", \"skip\": true}, {\"layers\": 4, \"legs\": [[2, 4], [3, 5]]}]}",
        "\"compression\": {\"init\": \"svd\", \"factors\": null, \"legs\": \"lowrank\"}",
        "\"compression\": {\"legs\": \"auto\", \"calibration\": {\"tokens\": 9999, \"shrinkage\": 0.02}, \"rules\": [{\"match\": \"a\", \"legs\": \"balanced\"}]}",
        "\"warmup_ratio\": 0.03, \"max_steps\": -1, \"num_train_epochs\": 0.5, \"learning_rate\": 3.3e-5, \"description\": [\"a\", \"b\\n\"]",
        "\"export\": {\"to\": \"mpo\"}, \"tokenizer\": \"t\", \"save_total_limit\": null, \"report_to\": [], \"trainable\": [\"norm\", \"*.bias\"]",
    ]) func canonicalTextReadsBack(_ keys: String) throws {
        let configuration = try Self.parse(keys)
        let again = try Configuration.parse(Array(configuration.canonicalText.utf8), file: "checkpoint")
        #expect(again == configuration)
        #expect(again.canonicalText == configuration.canonicalText)
        #expect(again.differences(from: configuration).isEmpty)
    }

    @Test func overrides() throws {
        let configuration = try Self.parse(
            "\"compression\": {\"keep\": 0.3, \"rules\": [{\"match\": \"a\", \"keep\": 0.5}]}, \"seed\": 7",
            "learning_rate=1e-3", "compression.keep=null", "compression.bond_dimension=8", "datasets[1].path=runs/x=y.jsonl", "datasets.0.weight=3",
            "compression.rules[0].keep=0.6", "output_dir=runs/second", "seed=8", "seed=9", "packing=false", "report_to=[\"jsonl\"]", "export.to=mpo",
            "sample_prompt=\"quoted\"", "distillation.temperature=2")
        #expect(configuration.learningRate == 1e-3)
        #expect(configuration.compression.keep == nil)
        #expect(configuration.compression.bondDimension == 8)
        #expect(configuration.datasets.map(\.path) == ["a", "runs/x=y.jsonl"])
        #expect(configuration.datasets.map(\.weight) == [3, 2])
        #expect(configuration.compression.rules[0].keep == 0.6)
        #expect(configuration.outputDirectory == "runs/second")
        #expect(configuration.seed == 9)
        #expect(!configuration.packing)
        #expect(configuration.reportTo == [.jsonl])
        #expect(configuration.export?.target == .mpo)
        #expect(configuration.samplePrompt == "quoted")
        #expect(configuration.distillation.temperature == 2)
    }

    /// The mistake is among those of `mistakes.txt`.
    @Test(arguments: [0, 1e-12, 0.01, 1e300]) func gradientNorms(_ norm: Double) throws {
        #expect(try Self.parse("\"max_grad_norm\": \(norm)").maxGradientNorm == norm)
    }

    @Test func stepsAndWarmup() throws {
        let plain = try Self.parse()
        #expect(plain.totalSteps(stepsPerEpoch: 10) == 10)
        #expect(plain.warmupSteps(totalSteps: 30) == 0)
        let half = try Self.parse("\"num_train_epochs\": 0.25, \"warmup_ratio\": 0.1")
        #expect(half.totalSteps(stepsPerEpoch: 10) == 3)
        #expect(half.warmupSteps(totalSteps: 3) == 1)
        // Given steps win over given epochs, as in Hugging Face; a ratio of 0 beside warm-up steps is no contradiction.
        let steps = try Self.parse("\"num_train_epochs\": 2, \"max_steps\": 5, \"warmup_steps\": 3, \"warmup_ratio\": 0")
        #expect(steps.totalSteps(stepsPerEpoch: 10) == 5)
        #expect(steps.schedule(totalSteps: 5) == Schedule(shape: .linear, peak: 2e-4, warmupSteps: 3, totalSteps: 5))
        #expect(try Self.parse("\"max_steps\": -1").totalSteps(stepsPerEpoch: 1) == 1)
        #expect(try Self.parse().totalSteps(stepsPerEpoch: 0) == 1)
    }

    @Test func dataOptions() throws {
        #expect(try Self.parse("\"val_size\": 0").dataOptions.heldBack == .fraction(0))
        #expect(try Self.parse("\"val_size\": 0.05").dataOptions.heldBack == .fraction(0.05))
        #expect(try Self.parse("\"val_size\": 30").dataOptions.heldBack == .count(30))
        #expect(try Self.parse("\"val_size\": 1e300").dataOptions.heldBack == .count(1_000_000_000_000_000))
        #expect(try Self.parse("\"seed\": 5").dataOptions.seed == 5)
        #expect(try Self.parse("\"seed\": 5, \"data_seed\": 6, \"packing\": false, \"on_bad_line\": \"skip\"").dataOptions.seed == 6)
        let c = try Self.parse("", "datasets[0].format=openhermes", "datasets[1].path=/dev/null", "datasets[1].split=validation")
        let files = c.files(c.datasets)
        #expect(files == [DatasetFile(path: "a", format: .sharegpt, weight: 1), DatasetFile(path: "/dev/null", weight: 2, split: .validation)])
    }

    /// Legs that nothing is said about: low-rank where sizes are spread over matrices, searched where every matrix keeps the same share.
    @Test func legsByDefault() throws {
        func legs(_ keys: String) throws -> Legs? {
            guard case .mpo(_, _, let legs) = try Self.parse("\"compression\": {\(keys)}").compression.decision(for: "model.layers.0.mlp.up_proj") else { return nil }
            return legs
        }
        #expect(try legs("\"keep\": 0.5") == .lowRank)
        #expect(try legs("\"keep\": 0.5, \"legs\": \"auto\"") == .auto)
        #expect(try legs("\"keep\": 0.5, \"budget\": \"uniform\"") == .auto)
        #expect(try legs("\"keep\": 0.5, \"init\": \"svd\"") == .balanced)
        #expect(try legs("\"keep\": 0.5, \"cores\": 3") == .balanced)
        #expect(try legs("\"bond_dimension\": 8") == .balanced)
    }

    @Test func compressionDecisions() throws {
        let compression = try Self.parse(
            """
            "compression": {
              "cores": 3, "keep": 0.3, "legs": [[4, 2], [4, 4], [4, 8]], "skip": ["lm_head", "embed_tokens", "*.layers.9.*"],
              "rules": [
                {"match": "down_proj", "layers": "0-1", "keep": 0.8},
                {"layers": "0-1", "bond_dimension": 10, "cores": 2},
                {"match": "{k,v}_proj", "skip": true},
                {"match": "o_proj", "legs": [[8, 8], [8, 8]]},
                {"match": "gate_proj", "cores": 2},
                {"match": "up_proj", "legs": "lowrank"}
              ]
            }
            """
        ).compression
        let three = Legs.given(outputs: [4, 4, 4], inputs: [2, 4, 8]), two = Legs.given(outputs: [8, 8], inputs: [8, 8])
        func decision(_ name: String) -> CompressionDecision { compression.decision(for: name) }
        #expect(decision("model.layers.0.mlp.down_proj.weight") == .mpo(cores: 3, size: .keep(0.8), legs: three))
        #expect(decision("model.layers.1.mlp.up_proj") == .mpo(cores: 2, size: .bondDimension(10), legs: .balanced))
        #expect(decision("model.layers.0.self_attn.k_proj") == .mpo(cores: 2, size: .bondDimension(10), legs: .balanced))
        #expect(decision("model.layers.2.self_attn.k_proj") == .dense)
        #expect(decision("model.layers.2.self_attn.o_proj") == .mpo(cores: 2, size: .keep(0.3), legs: two))
        #expect(decision("model.layers.2.self_attn.q_proj") == .mpo(cores: 3, size: .keep(0.3), legs: three))
        #expect(decision("model.layers.2.mlp.gate_proj") == .mpo(cores: 2, size: .keep(0.3), legs: .auto))
        #expect(decision("model.layers.2.mlp.up_proj") == .mpo(cores: 2, size: .keep(0.3), legs: .lowRank))
        #expect(decision("model.layers.9.self_attn.q_proj") == .dense)
        #expect(decision("lm_head.weight") == .dense)
        #expect(decision("model.embed_tokens.weight") == .dense)
        #expect(compression.unmatched(names: ["model.layers.0.mlp.down_proj", "model.layers.5.self_attn.v_proj"]).map(\.key) == [3, 4, 5].map { "compression.rules[\($0)]" })
    }

    /// A configuration with any byte lost, doubled or replaced is read or refused, never a crash; what is read is stored faithfully.
    @Test func damagedConfigurationsDoNotCrash() throws {
        let text = Array(try Self.parse("\"compression\": {\"rules\": [{\"match\": \"{a,b}*\", \"layers\": \"0-3\", \"keep\": 0.5}]}, \"export\": {}").canonicalText.utf8)
        var generator = SystemRandomNumberGenerator()
        var read = 0
        for _ in 0..<1500 {
            var copy = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: copy.indices, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: copy.remove(at: index)
                case 1: copy.insert(copy[index], at: index)
                case 2: copy[index] = Array("019-.eE\"{}[],: n".utf8).randomElement(using: &generator)!
                default: copy[index] = .random(in: 0...255, using: &generator)
                }
            }
            guard let configuration = try? Configuration.parse(copy, file: "x.json") else { continue }
            read += 1
            #expect(try Configuration.parse(Array(configuration.canonicalText.utf8), file: "y.json") == configuration)
            for name in ["model.layers.2.mlp.a", "", "...", "lm_head"] { _ = configuration.compression.decision(for: name) }
        }
        #expect(read > 0)
    }

    @Test func missingFileNamesItsNeighbours() throws {
        try withTemporaryDirectory { directory in
            try Data("{}".utf8).write(to: directory.appendingPathComponent("llama7b.json"))
            for (name, hint) in [("lama7b.json", "did you mean \(directory.path)/llama7b.json?"), ("quite-other.json", "there are llama7b.json")] {
                let path = directory.appendingPathComponent(name).path
                let error = #expect(throws: ConfigurationError.self) { try Configuration.load(path: path) }
                #expect(error?.description == "\(path): no such file; \(hint)")
            }
            let error = #expect(throws: ConfigurationError.self) { try Configuration.load(path: directory.path) }
            #expect(error?.description == "\(directory.path): is a directory; expected a configuration file; there are llama7b.json")
        }
    }
}
