import Basics
import HealData

/// The keys that say which checkpoint is the best, and when to stop looking for a better one.
extension Configuration {
    /// What evaluations are compared by; nil where nobody asks for the best.
    package var bestMetric: BestMetric? {
        guard loadBestModelAtEnd || metricForBestModel != nil else { return nil }
        return BestMetric(metricForBestModel ?? "loss", greaterIsBetter: greaterIsBetter)
    }

    /// Checkpoints that stay: the newest and, where it is asked for, the best are two of them; nil is all.
    package var mostCheckpoints: Int? { saveTotalLimit.map { bestMetric == nil ? $0 : max(2, $0) } }

    func checkBest(_ keys: GivenKeys, _ reader: inout ConfigurationReader) {
        func report(_ key: String, _ message: String) { if let position = keys[key] { reader.report(message, key: key, at: position) } }
        checkMetric(report)
        let needsEvaluations = "needs evaluations to choose by; set \"eval_steps\""
        if loadBestModelAtEnd {
            if let evaluationSteps {
                if saveSteps % evaluationSteps != 0 {
                    report(
                        "load_best_model_at_end",
                        "\"save_steps\" (\(saveSteps)) must be a multiple of \"eval_steps\" (\(evaluationSteps)), so that what is saved has been evaluated")
                }
            } else {
                report("load_best_model_at_end", needsEvaluations)
            }
        }
        guard earlyStoppingPatience != nil else {
            if earlyStoppingThreshold > 0 { report("early_stopping_threshold", "has no effect without \"early_stopping_patience\"; remove it or set that") }
            return
        }
        if bestMetric == nil {
            report("early_stopping_patience", "needs to know what to look at; set \"load_best_model_at_end\": true, or \"metric_for_best_model\": \"loss\"")
        }
        if evaluationSteps == nil { report("early_stopping_patience", needsEvaluations) }
    }

    private func checkMetric(_ report: (String, String) -> Void) {
        guard let bestMetric else {
            return report("greater_is_better", "has no effect without \"metric_for_best_model\" or \"load_best_model_at_end\"; remove it or set one")
        }
        let texts = evaluationTexts.map(EvaluationText.name)
        guard bestMetric.name != "loss", !(bestMetric.name.hasSuffix("_loss") && texts.contains(bestMetric.text ?? "")) else { return }
        let others = texts.isEmpty ? "" : " or, for the texts, " + texts.map { "\"eval_\($0)_loss\"" }.joined(separator: ", ")
        report("metric_for_best_model", "\(JSON(.string(metricForBestModel ?? "")).text()) is not known; expected \"loss\"\(others)")
    }

    /// Throws where the best is asked for and there is nothing to find it by.
    func requireRowsToJudge(_ dataset: Dataset) throws(HealError) {
        guard bestMetric != nil, dataset.heldBack.isEmpty else { return }
        throw HealError(.configuration, "no rows are held back, so no checkpoint is better than another; raise val_size, or leave out load_best_model_at_end and metric_for_best_model")
    }
}
