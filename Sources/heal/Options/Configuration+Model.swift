import Models
import Trainer

extension Trainer.Configuration {
    /// Throws where files that the configuration names are missing, or where its outputs cannot be written.
    ///
    /// - Parameters:
    ///   - keys: the groups of keys to look at; nil looks at all.
    ///   - goesOn: a run goes on from a checkpoint.
    func requirePaths(_ keys: [String]? = nil, goesOn: Bool = false) throws {
        let issues = try checkPaths(goesOn: goesOn).filter { issue in keys?.contains { issue.key == $0 || issue.key.hasPrefix($0 + "[") } ?? true }
        guard !issues.isEmpty else { return }
        let outputs = ["output_dir", "export.path"]
        var failure = Failure(Trainer.ConfigurationError(issues))
        failure.status = issues.allSatisfy { outputs.contains($0.key) } ? .cannotCreate : .missingInput
        throw failure
    }

    /// The model that the configuration names, after the files it names have been looked for.
    func openModel(needsData: Bool = true) throws -> OpenedModel {
        try requirePaths(["model", "tokenizer"] + (needsData ? ["datasets", "compression.calibration.datasets"] : []))
        let opened = try OpenedModel.open(existingModel(model) ?? model, tokenizer: tokenizer.map { existingPath($0) ?? $0 })
        Console.warn(opened.warnings)
        return opened
    }
}
