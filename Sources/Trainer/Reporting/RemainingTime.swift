/// The time that a run still takes: its steps, and the evaluations and checkpoints between them, as long as the last ones took.
package struct RemainingTime {
    private let configuration: Configuration
    private var steps = TimeEstimate()
    private var lastStep: Int?
    /// Seconds of the last evaluation, all its texts together, and what it was of.
    private var evaluation = (step: -1, stage: EvaluationReport.Stage.dense, seconds: 0.0)
    private var save = 0.0

    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// A run that goes on took so long for them before.
    package mutating func goOn(from progress: RunProgress) { (evaluation.seconds, save) = (progress.evaluationSeconds ?? 0, progress.saveSeconds ?? 0) }

    package mutating func add(_ event: RunEvent) {
        switch event {
        case .step(let report):
            let count = max(1, report.step - (lastStep ?? report.step - 1))
            for _ in 0..<min(count, 20) { steps.add(seconds: report.seconds) }
            lastStep = report.step
        case .evaluation(let report):
            let isSame = evaluation.step == report.step && evaluation.stage == report.stage
            evaluation = (report.step, report.stage, (isSame ? evaluation.seconds : 0) + report.seconds)
        case .checkpoint(let report): save = report.seconds
        case .sample, .warning, .end: break
        }
    }

    /// Seconds after the step of a report; nil before there was one.
    package func seconds(after report: StepReport) -> Double? {
        func left(_ every: Int?) -> Double { Double(DueWork.count(every: every, after: report.step - 1, of: report.totalSteps)) }
        return steps.secondsLeft(steps: report.totalSteps - report.step).map {
            $0 + left(configuration.evaluationSteps) * evaluation.seconds + left(configuration.saveSteps) * save
        }
    }
}
