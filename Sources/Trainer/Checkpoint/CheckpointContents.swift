import Foundation
import HealData
import Models

/// Where a run stands, apart from weights and moments: plain values, stored as JSON.
package struct RunProgress: Codable, Sendable, Equatable {
    /// Optimizer updates done.
    package var step = 0
    /// Tokens computed and tokens with a label, over the whole run.
    package var tokens = 0
    package var trainedTokens = 0
    /// Seconds spent in steps.
    package var seconds = 0.0
    /// Seconds of the last evaluation, all its texts together, and of the last save before this one; nil before there was one. What is left of a run
    /// that goes on is estimated by them.
    package var evaluationSeconds: Double?
    package var saveSeconds: Double?
    /// Where the data goes on after the last update.
    package var position: DataPosition?
    /// Held-back results: before compression, before healing, and the last one since.
    package var dense: EvaluationResult?
    package var truncated: EvaluationResult?
    package var latest: EvaluationResult?
    /// The last step after which the evaluation and the sample that were due have been made: behind `step` where a stop came in between.
    package var reviewedStep = 0
    /// Total steps the schedule was made for.
    package var totalSteps = 0
    /// Ranks of the run that wrote this; nil is 1, as in files from before there could be more.
    package var ranks: Int?
    /// What the run computes in; nil in files from before it was kept.
    package var compute: ComputeChoice?
    /// Checksum of the teacher, where the run has one.
    package var teacher: String?
    /// The best evaluation so far, and how many there were since the last gain; nil where the configuration does not ask for the best.
    package var best: BestEvaluation?
    package var evaluationsWithoutGain: Int?

    package init() {}

    /// What in it no run can reach; nil where there is nothing such. Larger counts would overflow.
    package var flaw: String? {
        var counts = [step, tokens, trainedTokens, reviewedStep, totalSteps, ranks ?? 1, best?.step ?? 0, evaluationsWithoutGain ?? 0]
        if let position {
            let read = position.counters
            counts += [position.epoch, position.sampleIndex, position.microBatches, read.rows, read.samples, read.truncated, read.tokens, read.trainedTokens]
            counts += position.waiting + read.skipped.values
        }
        var results: [(String, EvaluationResult)] = []
        for (name, result) in [("dense", dense), ("truncated", truncated), ("latest", latest), ("best.result", best?.result)] {
            guard let result else { continue }
            results.append((name, result))
            for (text, ofText) in (result.texts ?? [:]).sorted(by: { $0.key < $1.key }) { results.append(("\(name).texts.\(text)", ofText)) }
        }
        counts += results.flatMap { [$0.1.tokens, $0.1.rows] }
        guard counts.allSatisfy({ (0..<1 << 53).contains($0) }), reviewedStep <= step else { return "its counts contradict each other" }
        guard [seconds, evaluationSeconds, saveSeconds].allSatisfy({ (0..<1e12).contains($0 ?? 0) }) else { return "its seconds are no times" }
        if let compute, !compute.isKnown { return "compute.dtype is \"\(compute.dtype)\", which this program does not know" }
        return results.first { !$0.1.isPlausible }.map { "\($0.0).loss is \($0.1.loss)" }
    }

    /// Passes over the data so far. Samples that are read but still wait to be packed do not count.
    func epochs(of dataset: Dataset) -> Double {
        guard let position else { return 0 }
        return Double(position.epoch) + Double(position.sampleIndex - position.waiting.count) / Double(max(1, dataset.mixture.drawsPerEpoch))
    }
}

/// Loss on held-back rows.
package struct EvaluationResult: Codable, Sendable, Equatable {
    /// Mean negative log-likelihood a labelled token, in nats.
    package var loss: Double
    package var tokens: Int
    package var rows: Int
    /// The same on texts of other domains, by their names; nil where none are looked at.
    package var texts: [String: EvaluationResult]?
    package var perplexity: Double { loss < 700 ? exp(loss) : .infinity }
    /// On fewer rows than this, differences between models are mostly noise.
    package static let fewestRows = 20

    /// Rounding may bring a loss of zero below it.
    fileprivate var isPlausible: Bool { loss.isFinite && loss > -1e-3 }

    package init(loss: Double, tokens: Int, rows: Int) {
        self.loss = loss
        self.tokens = tokens
        self.rows = rows
    }
}
