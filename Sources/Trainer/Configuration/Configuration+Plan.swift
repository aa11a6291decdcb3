import Models
import TensorTrain

/// A configuration beside the model that it names: keys that find nothing there to act on are mistakes, known before any work.
extension Configuration {
    /// Which matrices become MPOs.
    ///
    /// - Parameters:
    ///   - present: layouts of the matrices that are compressed in the model's files.
    ///   - goesOn: the model is a checkpoint of this very run, with cores that these keys have made.
    /// - Throws: what cannot be planned, and `issues(with:of:present:goesOn:)`.
    package func plan(_ model: LlamaConfiguration, present: [String: MPOLayout] = [:], goesOn: Bool = false) throws -> CompressionPlan {
        let plan = try CompressionPlan(model, compression, present: present)
        let found = issues(with: plan, of: model, present: present, goesOn: goesOn)
        guard found.isEmpty else { throw ConfigurationError(found) }
        return plan
    }

    /// Keys of `compression` and patterns of `trainable` that have no effect on a model.
    package func issues(with plan: CompressionPlan, of model: LlamaConfiguration, present: [String: MPOLayout], goesOn: Bool = false) -> [ConfigurationIssue] {
        (goesOn ? [] : idleKeys(plan, present)) + idlePatterns(plan, model)
    }

    /// Keys that choose matrices, and keys that say how their cores are found. `plan` acts on any cores.
    private static let choosingKeys = ["cores", "legs", "skip", "rules"]
    private static let findingKeys = ["keep", "bond_dimension", "budget", "init", "calibration", "local", "cache"]

    private func idleKeys(_ plan: CompressionPlan, _ present: [String: MPOLayout]) -> [ConfigurationIssue] {
        guard !present.isEmpty, plan.compressed.allSatisfy({ present[$0.name] != nil }) else { return [] }
        // Where some matrices are dense, those keys may be what keeps them so.
        let isWhole = plan.entries.allSatisfy { present[$0.name] != nil }
        let keys = Self.findingKeys + (isWhole ? Self.choosingKeys : []), settings = CompressionConfiguration.settings, defaults = CompressionConfiguration()
        func isGiven(_ key: String) -> Bool { origin.positions["compression.\(key)"] != nil }
        // The program itself writes every key (`configuration.json` of a run): one at its default says nothing there.
        let isWritten = settings.allSatisfy { $0.json(compression).value.isNull || isGiven($0.key) }
        return settings.filter { keys.contains($0.key) && isGiven($0.key) && !(isWritten && $0.json(compression).text() == $0.json(defaults).text()) }.map {
            let key = "compression.\($0.key)"
            let message = "has no effect: no matrix of \(model) is left to be compressed; remove it, or let \"model\" name the dense model"
            return ConfigurationIssue(place: place(of: key), key: key, message: message)
        }
    }

    private func idlePatterns(_ plan: CompressionPlan, _ model: LlamaConfiguration) -> [ConfigurationIssue] {
        let layouts = Dictionary(uniqueKeysWithValues: plan.compressed.map { ($0.name + ".weight", $0) })
        let dense = model.expectedWeights().map(\.name)
        let names = dense.flatMap { name in layouts[name].map { entry in (0..<entry.layout!.cores).map { ModelWeights.coreName(entry.name, $0) } } ?? [name] }
        return trainable.enumerated().compactMap { index, pattern in
            if names.contains(where: pattern.matches) { return nil }
            let key = "trainable[\(index)]", advice = ForeignKeys.hint(forValue: pattern.text, of: "trainable")
            let message = dense.contains(where: pattern.matches)
                ? "\"\(pattern.text)\" names compressed matrices alone, whose cores are trained anyway; remove it"
                : "\"\(pattern.text)\" matches no weight of this model; \(advice ?? "names look like model.norm.weight, and \"*\" is all of them")"
            return ConfigurationIssue(place: place(of: key), key: key, message: message)
        }
    }
}
