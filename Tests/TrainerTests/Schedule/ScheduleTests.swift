import Foundation
import Testing
@testable import Trainer

@Suite struct ScheduleTests {
    /// Every rate of `transformers.get_scheduler`, from `Tests/Golden/config/schedule`.
    @Test func agreesWithTransformers() throws {
        struct Golden: Decodable {
            struct Case: Decodable {
                var shape: String
                var warmup: Int
                var total: Int
                var floor: Double
                var rates: [Double]
            }
            var peak: Double
            var cases: [Case]
        }
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: golden("config/schedule/schedule.json")))
        #expect(golden.cases.count == 9)
        for entry in golden.cases {
            let shape = try #require(Schedule.Shape(rawValue: entry.shape))
            let schedule = Schedule(
                shape: shape, peak: golden.peak, warmupSteps: entry.warmup, totalSteps: entry.total, floorRatio: entry.floor)
            for (step, rate) in entry.rates.enumerated() {
                #expect(abs(schedule.rate(at: step) - rate) <= 1e-15 * golden.peak * 100, "\(entry.shape), warm-up \(entry.warmup), step \(step)")
            }
        }
    }

    @Test func linearFloor() {
        let schedule = Schedule(shape: .linear, peak: 2, warmupSteps: 2, totalSteps: 12, floorRatio: 0.25)
        #expect(schedule.rate(at: 1) == 1)
        #expect(schedule.rate(at: 2) == 2)
        #expect(schedule.rate(at: 7) == 2 * 0.625)
        #expect(schedule.rate(at: 12) == 0.5)
        #expect(schedule.rate(at: 1000) == 0.5)
    }

    @Test func ratioRoundsUp() {
        #expect(Schedule.warmupSteps(ratio: 0.1, totalSteps: 101) == 11)
        #expect(Schedule.warmupSteps(ratio: 0, totalSteps: 101) == 0)
        #expect(Schedule.warmupSteps(ratio: 1, totalSteps: 101) == 101)
    }
}
