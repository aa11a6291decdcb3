import Models
import Trainer

extension Trainer.Configuration {
    /// The model that the configuration names, after the files it names have been looked for.
    func openModel(needsData: Bool = true) throws -> OpenedModel {
        let issues = checkPaths().filter { $0.key == "model" || $0.key == "tokenizer" || (needsData && $0.key.hasPrefix("datasets")) }
        guard issues.isEmpty else { throw Failure(Trainer.ConfigurationError(issues)).missingFiles }
        return try OpenedModel.open(existingPath(model) ?? model, tokenizer: tokenizer.map { existingPath($0) ?? $0 })
    }
}

extension Failure {
    /// The same with the status for missing files.
    var missingFiles: Failure {
        var failure = self
        failure.status = .missingInput
        return failure
    }
}
