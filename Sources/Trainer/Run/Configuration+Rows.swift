import HealData
import Models

extension Configuration {
    /// What turns rows into samples of a model.
    package func encoder(_ opened: OpenedModel) throws -> SampleEncoder {
        let template = try opened.chatTemplate(forced: chatTemplate.flatMap { ChatTemplate.Name(rawValue: $0.rawValue) })
        return SampleEncoder(
            tokenizer: opened.tokenizer, template: template, maxLength: rowLength(opened.configuration), trainOnPrompt: trainOnPrompt,
            vocabularySize: opened.configuration.vocabularySize)
    }

    /// The rows that cores are fitted to: of the calibration's own files, or of those that are trained on. None is held back, there or here.
    ///
    /// - Parameter dataset: what is trained on.
    package func calibrationRows(_ opened: OpenedModel, _ dataset: Dataset?) throws -> CalibrationRows {
        let calibration = compression.calibration
        guard !calibration.datasets.isEmpty else {
            guard let dataset else { throw HealError(.configuration, "compression.init: \"activation\" needs `datasets` to calibrate on") }
            return try CalibrationRows(dataset, calibration)
        }
        var options = dataOptions
        options.heldBack = .count(0)
        return try CalibrationRows(try Dataset(files: files(calibration.datasets), encoder: encoder(opened), options: options, besides: dataset), calibration)
    }
}
