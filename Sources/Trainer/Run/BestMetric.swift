/// What tells which evaluation of a run is the best, with the names and the meaning of Hugging Face's Trainer (`metric_for_best_model`).
package struct BestMetric: Sendable, Equatable {
    /// `loss`, or `<name>_loss` for a file of `eval_texts`; without the `eval_` that may stand before it.
    package let name: String
    package let greaterIsBetter: Bool

    package init(_ name: String, greaterIsBetter: Bool? = nil) {
        self.name = name.hasPrefix("eval_") ? String(name.dropFirst(5)) : name
        self.greaterIsBetter = greaterIsBetter ?? !name.hasSuffix("loss")
    }

    /// The file of `eval_texts` it is about; nil for the held-back rows.
    var text: String? { name == "loss" ? nil : String(name.dropLast("_loss".count)) }

    func value(_ result: EvaluationResult) -> Double? { text.map { result.texts?[$0]?.loss } ?? result.loss }

    func isBetter(_ value: Double, than other: Double) -> Bool { greaterIsBetter ? value > other : value < other }
}

/// The best evaluation so far.
package struct BestEvaluation: Codable, Sendable, Equatable {
    package var step: Int
    package var value: Double
    /// What it is the best by.
    package var metric: String
    package var greaterIsBetter: Bool
    package var result: EvaluationResult
}

extension RunProgress {
    /// - Parameter metric: the best so far counts only where it was the best by this.
    mutating func begin(totalSteps: Int, metric: BestMetric?) {
        self.totalSteps = totalSteps
        if best?.metric == metric?.name, best?.greaterIsBetter == metric?.greaterIsBetter { return }
        (best, evaluationsWithoutGain) = (nil, nil)
    }

    /// Takes note of an evaluation after the last step.
    ///
    /// - Parameter threshold: what counts as a gain must be better by more than this. The best is the best, by however little (as in transformers).
    mutating func take(_ evaluation: EvaluationResult, judgedBy metric: BestMetric?, threshold: Double) {
        latest = evaluation
        guard let metric, let value = metric.value(evaluation) else { return }
        let isBest = best.map { metric.isBetter(value, than: $0.value) } ?? !value.isNaN
        let isGain = isBest && (best.map { abs(value - $0.value) > threshold } ?? true)
        evaluationsWithoutGain = isGain ? 0 : (evaluationsWithoutGain ?? 0) + 1
        if isBest { best = BestEvaluation(step: step, value: value, metric: metric.name, greaterIsBetter: metric.greaterIsBetter, result: evaluation) }
    }
}
