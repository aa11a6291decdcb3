import Testing

@testable import Trainer

@Suite struct RemainingTimeTests {
    private let report = StepReport(step: 5, totalSteps: 20, loss: 1, learningRate: 1, gradientNorm: 1, tokens: 1, trainedTokens: 1, tokensPerSecond: 1, seconds: 2)

    private var fresh: RemainingTime {
        var configuration = Configuration()
        (configuration.evaluationSteps, configuration.saveSteps) = (10, 5)
        return RemainingTime(configuration)
    }

    /// 15 steps, 2 evaluations and 4 saves are left after step 5, whose own save is still to come.
    @Test func countsWhatWasMeasuredBeforeTheStop() {
        var progress = RunProgress()
        (progress.evaluationSeconds, progress.saveSeconds) = (100, 7)
        var remaining = fresh
        remaining.goOn(from: progress)
        #expect(remaining.seconds(after: report) == nil)
        remaining.add(.step(report))
        let before: Double = 15 * 2 + 2 * 100 + 4 * 7
        #expect(remaining.seconds(after: report) == before)
        // What is measured now counts from then on.
        remaining.add(.evaluation(EvaluationReport(step: 5, stage: .healing, loss: 1, rows: 1, tokens: 1, seconds: 30)))
        remaining.add(.evaluation(EvaluationReport(step: 5, stage: .healing, text: "a", loss: 1, rows: 1, tokens: 1, seconds: 3)))
        remaining.add(.checkpoint(CheckpointReport(step: 5, path: "", bytes: 1, seconds: 1)))
        let now: Double = 15 * 2 + 2 * 33 + 4 * 1
        #expect(remaining.seconds(after: report) == now)
    }

    /// As from files of earlier versions.
    @Test func nothingMeasuredIsNothing() {
        var remaining = fresh
        remaining.goOn(from: RunProgress())
        remaining.add(.step(report))
        #expect(remaining.seconds(after: report) == 30)
    }
}
