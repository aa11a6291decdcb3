@testable import Trainer

/// A step report with round numbers.
func stepReport(_ step: Int, loss: Double, of total: Int = 8, seconds: Double = 0.25, memory: Int? = 3 << 29) -> RunEvent {
    .step(
        StepReport(
            step: step, totalSteps: total, epoch: Double(step) / 8, loss: loss, learningRate: 1e-4 * Double(step), gradientNorm: 0.5, tokens: 512,
            trainedTokens: 300, tokensPerSecond: 1234.5, seconds: seconds, memoryBytes: memory))
}
