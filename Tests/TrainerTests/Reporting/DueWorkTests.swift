import Testing
import Trainer

@Suite struct DueWorkTests {
    /// Counted one by one.
    @Test func asCounted() {
        for total in 0...13 {
            for step in 0...total {
                for every in [1, 2, 5, 13, 20] {
                    let due = (step + 1..<total + 1).count { $0 % every == 0 || $0 == total }
                    #expect(DueWork.count(every: every, after: step, of: total) == due, "every \(every) from \(step) to \(total)")
                }
                #expect(DueWork.count(every: nil, after: step, of: total) == (step < total ? 1 : 0))
            }
        }
    }
}
