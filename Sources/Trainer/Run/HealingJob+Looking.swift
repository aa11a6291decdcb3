import Foundation
import HealData
import Models

/// Evaluations and samples: how a model is doing.
extension HealingJob {
    func evaluate(
        _ model: LlamaModel, _ prepared: Prepared, _ stage: EvaluationReport.Stage, step: Int, _ stop: () -> Bool,
        emitting emit: (RunEvent) throws -> Void
    ) throws -> EvaluationResult? {
        let rows = configuration.perDeviceTrainBatchSize
        var start = ContinuousClock.now
        // Reported together: one that is broken off is made again as a whole.
        var reports: [EvaluationReport] = []
        func report(_ found: EvaluationResult, text: String? = nil) throws {
            guard found.loss.isFinite else {
                let advice = stage == .healing ? "lower learning_rate, and resume from an earlier checkpoint" : "check the model's weights: some are not finite, or too large"
                throw HealError(
                    stage == .healing ? .diverged : .model, "the loss of the \(stage == .healing ? "healed" : stage.rawValue) model on held-back rows is \(found.loss); \(advice)")
            }
            reports.append(EvaluationReport(
                step: step, stage: stage, text: text, loss: found.loss, rows: found.rows, tokens: found.tokens,
                seconds: (ContinuousClock.now - start) / .seconds(1)))
            start = .now
        }
        guard var found = try Evaluation.run(model, prepared.dataset, rowsPerBatch: rows, maxRows: configuration.evaluationMaxRows, stop: stop)
        else { return nil }
        try report(found)
        for text in prepared.texts {
            guard let ofText = try Evaluation.run(model, text, rowsPerBatch: rows, stop: stop) else { return nil }
            try report(ofText, text: text.name)
            found.texts = (found.texts ?? [:]).merging([text.name: ofText]) { $1 }
        }
        for report in reports { try emit(.evaluation(report)) }
        return found
    }

    /// Text after the sample prompt. A prompt that this model cannot be given is a warning: the run is not about it.
    func sample(
        _ model: LlamaModel, _ opened: OpenedModel, _ stage: EvaluationReport.Stage, step: Int, emitting emit: (RunEvent) throws -> Void
    ) throws {
        guard cluster.isFirst else { return }
        let c = configuration, prompt: [Int32]
        do {
            let encoder = SampleEncoder(
                tokenizer: opened.tokenizer, template: try opened.chatTemplate(forced: c.chatTemplate.flatMap { ChatTemplate.Name(rawValue: $0.rawValue) }),
                maxLength: c.rowLength(opened.configuration))
            prompt = try encoder.encodePrompt([Turn(.user, c.samplePrompt)])
            try TrainingWindow.check(prompt, model)
            guard prompt.count < model.longestContext else {
                throw HealError(.configuration, "sample_prompt has \(prompt.count) tokens, which leaves no room for an answer within \(model.longestContext)")
            }
        } catch {
            return try emit(.warning(step: step, message: "no sample was taken: \(error)"))
        }
        var sampling = Sampling()
        let ends = Set(opened.configuration.endOfSequence.map { Int32($0) } + [opened.tokenizer.special.eos].compactMap { $0 })
        let text = try Generation.run(model, prompt: prompt, maxTokens: 48, ends: ends, sampling: &sampling)
        try emit(.sample(step: step, stage: stage, prompt: c.samplePrompt, text: opened.tokenizer.decodeString(text)))
    }
}
