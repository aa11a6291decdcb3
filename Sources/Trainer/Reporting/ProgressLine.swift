import Foundation

/// The line that shows how a run is doing.
package enum ProgressLine {
    /// `  37/2000   1.8 %  loss 2.3412  lr 1.00e-04  grad 0.83  1,234 tok/s  ETA 1h 02m  3.2 GiB`
    ///
    /// - Parameters:
    ///   - secondsLeft: the estimated time to the end of the run.
    ///   - width: columns of the terminal; what does not fit is left out, the least important first. nil gives everything, for files and pipes.
    package static func text(_ report: StepReport, secondsLeft: Double? = nil, width: Int? = nil) -> String {
        let total = String(report.totalSteps)
        let step = padded(String(report.step), to: total.count) + "/" + total
        var parts: [FittedLine.Part] = [
            .init(step),
            .init(padded(HumanFormat.percent(Double(report.step) / Double(max(1, report.totalSteps))), to: 7), rank: 5),
            .init("loss " + HumanFormat.fixed(report.loss, decimals: 4), rank: 1),
            .init("lr " + HumanFormat.scientific(report.learningRate), rank: 4),
            .init("grad " + HumanFormat.significant(report.gradientNorm, digits: 3), rank: 6),
            .init(HumanFormat.grouped(whole(report.tokensPerSecond)) + " tok/s", rank: 3),
        ]
        if let mixed = report.parts {
            parts.insert(.init("ce \(HumanFormat.fixed(mixed.crossEntropy, decimals: 4)) kl \(HumanFormat.fixed(mixed.divergence, decimals: 4))", rank: 5), at: 3)
        }
        if let secondsLeft { parts.append(.init("ETA " + HumanFormat.duration(secondsLeft), rank: 2)) }
        if let bytes = report.memoryBytes { parts.append(.init(HumanFormat.bytes(bytes), rank: 7)) }
        return FittedLine(parts).text(width: width)
    }

    private static func padded(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func whole(_ number: Double) -> Int {
        Int(exactly: number.rounded()) ?? 0
    }
}

/// Estimates the time a run still takes from the durations of its steps, the recent ones counting more.
package struct TimeEstimate: Sendable, Equatable {
    private var weighted = 0.0
    private var weights = 0.0
    /// The weight of a step relative to the one after it: about the last 20 count.
    private static let decay = 0.95

    package init() {}

    package mutating func add(seconds: Double) {
        guard seconds.isFinite, seconds >= 0 else { return }
        weighted = weighted * Self.decay + seconds
        weights = weights * Self.decay + 1
    }

    /// nil before the first step.
    package func secondsLeft(steps: Int) -> Double? {
        weights > 0 ? weighted / weights * Double(max(0, steps)) : nil
    }
}

extension RunEvent {
    /// The event in words, for the terminal and the log; a sample takes several lines.
    ///
    /// - Parameters: as for `ProgressLine.text`, for step reports.
    package func text(secondsLeft: Double? = nil, width: Int? = nil) -> String {
        switch self {
        case .step(let report):
            return ProgressLine.text(report, secondsLeft: secondsLeft, width: width)
        case .evaluation(let report):
            let stage = report.stage == .healing ? "step \(report.step)" : report.stage.rawValue
            return "evaluation (\(stage)\(report.text.map { ", \($0)" } ?? "")): loss \(HumanFormat.fixed(report.loss, decimals: 4)), perplexity "
                + "\(HumanFormat.significant(report.perplexity)) on \(HumanFormat.grouped(report.rows)) rows, "
                + "\(HumanFormat.grouped(report.tokens)) tokens, in \(HumanFormat.duration(report.seconds))"
        case .checkpoint(let report):
            return "saved \(report.path) (\(HumanFormat.bytes(report.bytes)), \(HumanFormat.duration(report.seconds)))"
        case .warning(let step, let message):
            return "warning: " + (step.map { "step \($0): " } ?? "") + message
        case .end(let report):
            return "ended after step \(report.step) of \(report.totalSteps)"
        case .sample(let step, let stage, let prompt, let text):
            return "sample \(stage == .healing ? "at step \(step)" : "of the \(stage.rawValue) model")\n  > \(Self.indented(prompt))\n  \(Self.indented(text))"
        }
    }

    private static func indented(_ text: String) -> String { text.replacingOccurrences(of: "\n", with: "\n  ") }
}
