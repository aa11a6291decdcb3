import Basics

/// How the rows and columns of a matrix are split over its cores.
package enum Legs: Sendable, Hashable {
    /// Those that lose least on calibration rows that were not fitted.
    case auto
    /// (rows, 1), (1, columns): the product of a tall and a wide matrix.
    case lowRank
    /// Equal parts, as near as the divisors allow.
    case balanced
    /// One of each a core; their products are the rows and the columns.
    case given(outputs: [Int], inputs: [Int])

    /// The cores that these legs make; nil for any number.
    package var cores: Int? {
        switch self {
        case .given(let outputs, _): outputs.count
        case .auto, .lowRank: 2
        case .balanced: nil
        }
    }

    package static let mostCores = 16
}

extension Legs: SettingValue {
    private static let names: [(name: String, legs: Legs)] = [("auto", .auto), ("lowrank", .lowRank), ("balanced", .balanced)]

    package static var expectation: String { "\"auto\", \"lowrank\", \"balanced\", or a list [[o1, i1], [o2, i2], ...] with a pair of legs for each core" }

    package var json: JSON {
        if case .given(let outputs, let inputs) = self {
            return JSON(.array(zip(outputs, inputs).map { JSON(.array([$0.json, $1.json])) }))
        }
        return JSON(.string(Self.names.first { $0.legs == self }!.name))
    }

    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Legs? {
        switch json.value {
        case .string(let name):
            if let known = names.first(where: { $0.name == name }) { return known.legs }
            let hint = NearestName.of(name, among: names.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
            reader.report("\(json.text()) is not known; expected \(expectation)\(hint)", key: key, at: json.position)
            return nil
        case .array(let pairs):
            if pairs.isEmpty || pairs.count > mostCores {
                reader.report("has \(pairs.count) pairs; expected one for each core, from 1 to \(mostCores)", key: key, at: json.position)
                return nil
            }
            var outputs: [Int] = [], inputs: [Int] = []
            for (index, pair) in pairs.enumerated() {
                let place = "\(key)[\(index)]"
                guard let legs = [Int].read(pair, key: place, reader: &reader) else { return nil }
                if legs.count != 2 || legs.contains(where: { $0 < 1 }) {
                    reader.report("expected the two legs [o, i] of a core, each at least 1, found \(pair.text())", key: place, at: pair.position)
                    return nil
                }
                outputs.append(legs[0])
                inputs.append(legs[1])
            }
            return .given(outputs: outputs, inputs: inputs)
        default:
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
    }
}
