import Testing

@testable import Trainer

@Suite struct CadenceTests {
    @Test func firstNothingThenNowAndThen() {
        var cadence = Cadence(every: .seconds(30))
        let start = ContinuousClock.now
        func due(_ seconds: Int) -> Bool { cadence.isDue(start + .seconds(seconds)) }
        #expect([0, 1, 29, 30, 31, 59, 60, 200, 229, 230].filter(due) == [30, 60, 200, 230])
        cadence.reset()
        #expect([231, 260, 261].filter(due) == [261])
    }
}
