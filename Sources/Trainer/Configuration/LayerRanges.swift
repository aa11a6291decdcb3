import Basics

/// A set of transformer blocks, written like `"0-3"`, `"5"`, `"28-"` (to the last) or `"0-3,30-31"`; blocks count from 0, ends are included.
package struct LayerRanges: Sendable, Equatable {
    package let text: String
    private let ranges: [ClosedRange<Int>]

    /// Block numbers are at most this; real models have some hundred.
    private static let maximumLayer = 99_999

    package init?(_ text: String) {
        self.text = text.filter { $0 != " " }
        var ranges: [ClosedRange<Int>] = []
        for part in self.text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let first = Self.number(ends[0]) else { return nil }
            var last = first
            if ends.count == 2 {
                guard let number = ends[1].isEmpty ? Self.maximumLayer : Self.number(ends[1]) else { return nil }
                last = number
            }
            guard first <= last else { return nil }
            ranges.append(first...last)
        }
        self.ranges = ranges
    }

    package func contains(_ layer: Int) -> Bool { ranges.contains { $0.contains(layer) } }

    /// The number of the block that a weight belongs to: the first part of its name that is a number, as the 3 in
    /// `model.layers.3.mlp.down_proj`. Nil for weights outside the blocks.
    package static func layer(of name: String) -> Int? {
        name.split(separator: ".").lazy.compactMap(number).first
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int(text).flatMap { $0 <= maximumLayer ? $0 : nil }
    }
}

extension LayerRanges: SettingValue {
    package static var expectation: String { "blocks like \"0-3\", \"5\", \"28-\" or \"0-3,30-31\"" }
    package var json: JSON { JSON(.string(text)) }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> LayerRanges? {
        switch json.value {
        case .string(let text):
            if let ranges = LayerRanges(text) { return ranges }
            reader.report("\(json.text()) names no blocks; expected \(expectation)", key: key, at: json.position)
            return nil
        case .integer(let number) where number >= 0:
            return LayerRanges(String(number))
        default:
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
    }
}
