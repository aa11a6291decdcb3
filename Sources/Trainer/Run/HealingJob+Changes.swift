import HealData

/// What may differ where a run goes on.
extension HealingJob {
    /// A run may go on only where it would have gone: what decides its path must be as it was, unless the user allows the change by name.
    func checkResume(_ reader: CheckpointReader, ranks: Int, _ dataset: Dataset, _ watch: (JobEvent) -> Void) throws {
        let before = try Configuration.parse(Array(reader.configurationText().utf8), file: reader.path)
        let changes = configuration.forbiddenChanges(from: before, allowing: allowedChanges + [Self.accumulation])
        var complaints = changes.map { "\($0)\($0.advice)" }
        complaints += windowChange(before, ranks: ranks)
        complaints += dataChanges(dataset, from: try reader.fingerprint(), named: changes.map(\.key))
        guard complaints.isEmpty else {
            throw HealError(
                .checkpoint,
                "\(reader.path): this configuration would not continue the same run:", details: complaints.map { "  \($0)" })
        }
        if before.model != configuration.model {
            watch(.run(.warning(step: nil, message: "model: the weights are those of the checkpoint, not of \(configuration.model)")))
        }
    }

    private static let accumulation = "gradient_accumulation_steps"

    /// A window is the same however its micro-batches are dealt to ranks.
    private func windowChange(_ before: Configuration, ranks: Int) -> [String] {
        let key = Self.accumulation, (old, new) = (before.gradientAccumulationSteps, configuration.gradientAccumulationSteps)
        guard old * ranks != new * cluster.size, !allowedChanges.contains(key) else { return [] }
        func words(_ steps: Int, _ ranks: Int, _ other: Int) -> String { max(ranks, other) == 1 ? "\(steps)" : "\(steps) on each of \(ranks) ranks" }
        return ["\(key): \(words(old, ranks, cluster.size)) -> \(words(new, cluster.size, ranks)) (--allow-changes \(key) accepts it)"]
    }

    /// What of the data differs that no allowed key and no complaint that is made already stands for.
    private func dataChanges(_ dataset: Dataset, from saved: DataFingerprint, named: [String]) -> [String] {
        func group(_ key: String) -> String { String(key.prefix { $0 != "." && $0 != "[" }) }
        var keys = Set((allowedChanges + named).map(group))
        if keys.contains("seed") { keys.insert("data_seed") }
        if keys.contains("datasets"), !named.contains(where: { group($0) == "datasets" }) { return [] }
        return dataset.fingerprint.differencesByKey(from: saved).filter { !keys.contains($0.key) }
            .map { "data: \($0.text) (--allow-changes datasets accepts it)" }
    }
}
