import Basics
import Foundation
import Trainer

/// JSON as scripts read it, written without a document in between where there is much of it.
enum JSONText {
    /// A string in quotes.
    static func quoted(_ text: String) -> String { JSON(.string(text)).text() }

    /// A list of numbers in their shortest exact form. What is not finite becomes null: JSON has no other word for it.
    static func list(_ numbers: [Float]) -> String { "[" + numbers.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",") + "]" }
    static func list(_ numbers: [Double]) -> String { "[" + numbers.map(number).joined(separator: ",") + "]" }
    static func number(_ number: Double) -> String { number.isFinite ? "\(number)" : "null" }

    static func list(_ ids: [Int32]) -> String {
        var bytes: [UInt8] = []
        bytes.append(ids: ids)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends `[1,2,3]`.
    mutating func append(ids: some Sequence<Int32>) {
        append(UInt8(ascii: "["))
        var isFirst = true
        for id in ids {
            if !isFirst { append(UInt8(ascii: ",")) }
            isFirst = false
            append(decimal: id)
        }
        append(UInt8(ascii: "]"))
    }

    private mutating func append(decimal number: Int32) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = count
        repeat {
            append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }
}
