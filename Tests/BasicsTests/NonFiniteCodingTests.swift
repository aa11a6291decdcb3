import Basics
import Foundation
import Testing

@Suite struct NonFiniteCodingTests {
    @Test func recordsKeepWhatIsNoNumber() throws {
        let values = [1.5, .infinity, -.infinity, .nan, 0.1]
        let text = try JSONEncoder.ofRecords([]).encode(values)
        let again = try JSONDecoder.ofRecords().decode([Double].self, from: text)
        #expect(again.map(\.description) == values.map(\.description))
    }

    @Test func numbersAreWrittenAsBefore() throws {
        let values = [0.1, -3, 1e300]
        #expect(try JSONEncoder.ofRecords([]).encode(values) == JSONEncoder().encode(values))
    }
}
