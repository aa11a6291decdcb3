import Models

/// What the run writes when it is through.
enum JobExport {
    static func write(_ export: ExportConfiguration, _ opened: OpenedModel, _ weights: ModelWeights, to directory: String, progress: (ExportProgress) throws -> Void) throws {
        let dtype: ExportDType = export.dtype == .bf16 ? .bf16 : .fp32
        switch export.target {
        case .hf: _ = try HuggingFaceExport.write(opened, weights: weights, to: directory, dtype: dtype, progress: progress)
        case .mpo: _ = try MPOExport.write(opened, weights: weights, to: directory, dtype: dtype, progress: progress)
        }
    }
}
