import Models

/// What the run writes when it is through.
enum JobExport {
    static func write(_ export: ExportConfiguration, _ opened: OpenedModel, _ weights: ModelWeights, to directory: String) throws {
        throw HealError(.export, "\(directory): exports are not there yet")
    }
}
