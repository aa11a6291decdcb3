import Testing
@testable import Trainer

@Suite struct ProgressLineTests {
    private let report = StepReport(
        step: 37, totalSteps: 2000, epoch: 0.1, loss: 2.34125, learningRate: 1e-4, gradientNorm: 0.8312, tokens: 4096, trainedTokens: 2000,
        tokensPerSecond: 1234.4, seconds: 3.3, memoryBytes: 3_435_973_837)

    @Test func everything() {
        #expect(
            ProgressLine.text(report, secondsLeft: 3725)
                == "  37/2000    1.8 %  loss 2.3413  lr 1.00e-04  grad 0.831  1,234 tok/s  ETA 1h 02m  3.20 GiB")
    }

    @Test func fitsTheTerminal() {
        let whole = ProgressLine.text(report, secondsLeft: 3725)
        for width in 0...120 {
            let line = ProgressLine.text(report, secondsLeft: 3725, width: width)
            #expect(line.count <= width)
            if width >= whole.count { #expect(line == whole) }
        }
        #expect(ProgressLine.text(report, secondsLeft: 3725, width: 80) == "  37/2000    1.8 %  loss 2.3413  lr 1.00e-04  1,234 tok/s  ETA 1h 02m")
        #expect(ProgressLine.text(report, secondsLeft: 3725, width: 50) == "  37/2000  loss 2.3413  1,234 tok/s  ETA 1h 02m")
        #expect(ProgressLine.text(report, secondsLeft: 3725, width: 24) == "  37/2000  loss 2.3413")
        #expect(ProgressLine.text(report, secondsLeft: 3725, width: 5) == "  37/")
    }

    /// The columns stand still from the first step to the last.
    @Test func columnsStandStill() {
        let first = ProgressLine.text(StepReport(step: 1, totalSteps: 150, loss: 9, learningRate: 0, gradientNorm: 1, tokens: 1, trainedTokens: 1, tokensPerSecond: 0, seconds: 1))
        let last = ProgressLine.text(StepReport(step: 150, totalSteps: 150, loss: 9, learningRate: 0, gradientNorm: 1, tokens: 1, trainedTokens: 1, tokensPerSecond: 0, seconds: 1))
        #expect(first == "  1/150    0.7 %  loss 9.0000  lr 0.00e+00  grad 1.00  0 tok/s")
        #expect(last == "150/150  100.0 %  loss 9.0000  lr 0.00e+00  grad 1.00  0 tok/s")
    }

    @Test func numbersThatAreNone() {
        let broken = StepReport(step: 0, totalSteps: 0, loss: .nan, learningRate: .infinity, gradientNorm: .nan, tokens: 0, trainedTokens: 0, tokensPerSecond: .nan, seconds: .nan)
        #expect(ProgressLine.text(broken, secondsLeft: .nan) == "0/0    0.0 %  loss nan  lr inf  grad nan  0 tok/s  ETA ?")
    }

    @Test func timeEstimate() {
        var estimate = TimeEstimate()
        #expect(estimate.secondsLeft(steps: 5) == nil)
        estimate.add(seconds: 100)
        #expect(estimate.secondsLeft(steps: 5) == 500)
        estimate.add(seconds: .nan)
        for _ in 0..<200 { estimate.add(seconds: 2) }
        #expect(abs(estimate.secondsLeft(steps: 10)! - 20) < 0.1)
        #expect(estimate.secondsLeft(steps: -1) == 0)
    }

    @Test func otherEvents() {
        #expect(
            RunEvent.evaluation(EvaluationReport(step: 50, stage: .healing, loss: 1.5, rows: 256, tokens: 12_345, seconds: 3.21)).text()
                == "evaluation (step 50): loss 1.5000, perplexity 4.482 on 256 rows, 12,345 tokens, in 3.2 s")
        #expect(
            RunEvent.evaluation(EvaluationReport(step: 0, stage: .truncated, loss: 15.5, rows: 2, tokens: 5, seconds: 61)).text()
                == "evaluation (truncated): loss 15.5000, perplexity 5,390,000 on 2 rows, 5 tokens, in 1m 01s")
        #expect(RunEvent.checkpoint(CheckpointReport(step: 5, path: "runs/x/step-5.h5", bytes: 5 << 20, seconds: 0.5)).text() == "saved runs/x/step-5.h5 (5.00 MiB, 0.50 s)")
        #expect(RunEvent.warning(step: nil, message: "careful").text() == "warning: careful")
        #expect(RunEvent.warning(step: 3, message: "careful").text() == "warning: step 3: careful")
        #expect(RunEvent.sample(step: 5, prompt: "a\nb", text: "c\nd").text() == "sample at step 5\n  > a\n  b\n  c\n  d")
    }
}

@Suite struct ResultTableTests {
    @Test func denseTruncatedHealed() {
        let table = ResultTable(
            dense: .init(loss: 1.5, parameters: 260_032), truncated: .init(loss: 6, parameters: 160_000), healed: .init(loss: 2, parameters: 160_000))
        #expect(
            table.text() == """
                model        loss  perplexity  parameters     kept
                ---------  ------  ----------  ----------  -------
                dense      1.5000       4.482     260,032  100.0 %
                truncated  6.0000       403.4     160,000   61.5 %
                healed     2.0000       7.389     160,000   61.5 %
                healing won back 99.3 % of the rise in perplexity, 88.9 % of the rise in loss
                """)
        #expect(abs(table.recoveredLoss! - 4 / 4.5) < 1e-12)
    }

    @Test func nothingToWinBack() {
        let table = ResultTable(dense: .init(loss: 2), truncated: .init(loss: 2), healed: .init(loss: 1.9))
        #expect(table.recoveredPerplexity == nil)
        #expect(table.text().hasSuffix("truncation did not raise the loss; there is nothing to win back"))
        #expect(!table.text().contains("parameters"))
        #expect(ResultTable(dense: .init(loss: 2), truncated: .init(loss: .nan), healed: .init(loss: 1)).recoveredLoss == nil)
    }

    /// Shares of a small rise would be thousands of percent.
    @Test func betterThanBefore() {
        let table = ResultTable(dense: .init(loss: 5.5), truncated: .init(loss: 5.75), healed: .init(loss: 3))
        #expect(table.text().hasSuffix("on these rows the healed model is better than the dense one: its loss is 2.5000 lower") && !table.text().contains("won back"))
    }

    @Test func unevenRows() {
        #expect(TextTable(header: ["a", "b"], rows: [["long name"], ["x", "1", "2"]]).text == "a          b   \n---------  -  -\nlong name      \nx          1  2")
    }

    /// No share above the whole and none below nothing, and no result where too little was looked at.
    @Test func sharesThatSayNothing() {
        func words(_ dense: Double, _ truncated: Double, _ healed: Double, tokens: Int? = nil) -> String {
            ResultTable(dense: .init(loss: dense), truncated: .init(loss: truncated), healed: .init(loss: healed)).verdict(tokens: tokens)
        }
        #expect(words(2, 3, 3.5).hasPrefix("healing won nothing back: the loss is 0.5000 higher than after truncation"))
        #expect(words(2, 3, 2.5, tokens: 25).hasPrefix("measured on 25 tokens: too few"))
        #expect(words(2, 3, 2.5, tokens: 1000).contains("50.0 % of the rise in loss"))
        for healed in stride(from: 0.5, through: 5, by: 0.25) {
            for share in words(2, 3, healed).matches(of: #/(-?[0-9.]+) %/#) { #expect((0...100).contains(Double(share.output.1)!)) }
        }
        let table = ResultTable(dense: .init(loss: 2, parameters: 100), truncated: .init(loss: 3, parameters: 112), healed: .init(loss: 3, parameters: 112))
        #expect(table.text().contains("12 more") && !table.text().contains("112.0 %"))
    }
}
