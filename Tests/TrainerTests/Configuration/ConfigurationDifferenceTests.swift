import Testing
@testable import Trainer

@Suite struct ConfigurationDifferenceTests {
    struct Change: Sendable {
        var before: String
        var now: String
        var description: String
        var effect: SettingEffect
        init(_ before: String, _ now: String, _ description: String, _ effect: SettingEffect) {
            (self.before, self.now, self.description, self.effect) = (before, now, description, effect)
        }
    }

    private static let coresAreSettled = SettingEffect.settled("the cores are in the checkpoint")

    @Test(arguments: [
        Change("\"learning_rate\": 1e-4", "\"learning_rate\": 2e-4", "learning_rate: 0.0001 -> 0.0002", .trajectory),
        Change("", "\"seed\": 1", "seed: 42 -> 1", .trajectory),
        Change("", "\"packing\": false", "packing: true -> false", .trajectory),
        Change("", "\"dtype\": \"fp32\"", "dtype: \"auto\" -> \"fp32\"", .trajectory),
        Change("", "\"compression\": {\"keep\": 0.5}", "compression.keep: 0.8 -> 0.5", coresAreSettled),
        Change("", "\"compression\": {\"calibration\": {\"tokens\": 99}}", "compression.calibration.tokens: 32768 -> 99", coresAreSettled),
        Change("", "\"compression\": {\"cache\": \"x\"}", "compression.cache: null -> \"x\"", .harmless),
        Change("", "\"tokenizer\": \"x\"", "tokenizer: null -> \"x\"", .settled("the tokenizer is in the checkpoint")),
        Change("", "\"compression\": {\"plan\": \"rebuild\"}", "compression.plan: \"auto\" -> \"rebuild\"", .trajectory),
        Change("", "\"trainable\": [\"norm\"]", "trainable: [] -> [\"norm\"]", .settled("the checkpoint has moments of the tensors that were trained, and of no others")),
        Change("", "\"max_steps\": 10", "max_steps: null -> 10", .trajectory),
        Change("\"max_steps\": 10, \"lr_scheduler_type\": \"constant\"", "\"max_steps\": 20, \"lr_scheduler_type\": \"constant\"", "max_steps: 10 -> 20", .harmless),
        Change("\"max_steps\": 10, \"lr_scheduler_type\": \"constant\", \"warmup_ratio\": 0.1", "\"max_steps\": 20, \"lr_scheduler_type\": \"constant\", \"warmup_ratio\": 0.1", "max_steps: 10 -> 20", .trajectory),
        Change("\"max_steps\": 10, \"num_train_epochs\": 2", "\"max_steps\": 10, \"num_train_epochs\": 5", "num_train_epochs: 2 -> 5", .harmless),
        Change("", "\"num_train_epochs\": 5", "num_train_epochs: 1 -> 5", .trajectory),
        Change("", "\"data_seed\": 42", "data_seed: null -> 42", .harmless),
        Change("", "\"data_seed\": 43", "data_seed: null -> 43", .trajectory),
        Change("", "\"logging_steps\": 1", "logging_steps: 10 -> 1", .harmless),
        Change("", "\"save_steps\": 1", "save_steps: 100 -> 1", .harmless),
        Change("", "\"threads\": 2", "threads: 0 -> 2", .harmless),
        Change("", "\"output_dir\": \"x\"", "output_dir: \"runs/heal\" -> \"x\"", .harmless),
        Change("", "\"report_to\": []", "report_to: [\"jsonl\", \"tensorboard\"] -> []", .harmless),
        Change("", "\"description\": \"new\"", "description: [] -> [\"new\"]", .harmless),
        Change("\"export\": {\"to\": \"hf\"}", "\"export\": {\"to\": \"mpo\"}", "export.to: \"hf\" -> \"mpo\"", .harmless),
    ]) func oneKey(_ change: Change) throws {
        let differences = try ConfigurationTests.parse(change.now).differences(from: ConfigurationTests.parse(change.before))
        #expect(differences.map { $0.description.replacing(",\"", with: ", \"") } == [change.description])
        #expect(differences.map(\.effect) == [change.effect])
    }

    @Test func nothingChangesByItself() throws {
        let text = "\"compression\": {\"keep\": 0.5, \"rules\": [{\"match\": \"a\", \"keep\": 0.3}]}"
        #expect(try ConfigurationTests.parse(text).differences(from: ConfigurationTests.parse(text)).isEmpty)
        // Saying what is the default anyway is no change.
        #expect(try ConfigurationTests.parse("\"seed\": 42").differences(from: ConfigurationTests.parse()).isEmpty)
    }

    @Test func listsOfGroups() throws {
        let before = try ConfigurationTests.parse("\"compression\": {\"rules\": [{\"match\": \"a\", \"keep\": 0.3}]}", "datasets[0].path=c")
        let now = try ConfigurationTests.parse("\"export\": {}")
        let differences = now.differences(from: before)
        let keys = differences.map(\.key)
        #expect(keys.contains("compression.rules[0].keep"))
        #expect(keys.contains("datasets[0].path"))
        #expect(!keys.contains("datasets[1].path"))
        #expect(differences.first { $0.key == "compression.rules[0].keep" }?.description == "compression.rules[0].keep: 0.3 -> not there")
        #expect(differences.filter { $0.key.hasPrefix("export") }.allSatisfy { $0.effect == .harmless })
        #expect(differences.filter { $0.key.hasPrefix("datasets") }.allSatisfy { $0.effect == .trajectory })
        #expect(differences.filter { $0.key.hasPrefix("compression") }.allSatisfy { $0.effect == Self.coresAreSettled })
    }

    @Test func allowedChanges() throws {
        let before = try ConfigurationTests.parse()
        let now = try ConfigurationTests.parse("\"learning_rate\": 1, \"compression\": {\"keep\": 0.5}, \"threads\": 3", "datasets[0].path=c")
        func forbidden(_ allowed: String...) -> [String] { now.forbiddenChanges(from: before, allowing: allowed).map(\.key) }
        #expect(forbidden() == ["compression.keep", "datasets[0].path", "learning_rate"])
        #expect(forbidden("learning_rate", "datasets") == ["compression.keep"])
        // What is in the checkpoint no word can change.
        #expect(forbidden("compression", "compression.keep", "learning_rate", "datasets[0].path") == ["compression.keep"])
        #expect(forbidden("learning", "comp", "datasets[1]") == ["compression.keep", "datasets[0].path", "learning_rate"])
        #expect(Configuration.unknownKeys(among: ["learning_rate", "compression.keep", "datasets[0].path", "compression"]).isEmpty)
        #expect(
            Configuration.unknownKeys(among: ["learning_rat"]).map(\.description)
                == ["--allow-changes: learning_rat: unknown key; did you mean \"learning_rate\"?"])
    }
}
