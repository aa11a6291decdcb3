import Basics
import Foundation

/// What one compressed group did to the loss.
struct SensitivityMeasurement: Codable, Equatable, Sendable {
    /// Everything that the numbers depend on.
    var key: String
    var group: String
    /// The share that was asked for; 1 for the dense model.
    var keep: Double
    /// What the group has.
    var parameters = 0
    /// The largest bond of its matrices.
    var bond = 0
    /// The sum of cross-entropies of each held-back sample.
    var losses: [Double]
    /// Rise of the mean loss as gradients and output errors tell; nil for the dense model.
    var predicted: Double?
    /// Mean relative output error of its matrices on calibration rows that were not fitted; nil without a fit.
    var outputError: Double?
}

/// `measurements.jsonl`: a measurement a line, written as soon as it is made, so that a killed profile goes on.
final class SensitivityJournal {
    private let file: AppendedFile
    private var known: [String: SensitivityMeasurement] = [:]

    /// Lines that cannot be read, such as one that a kill left unfinished, are as if they were not there.
    init(path: String) throws {
        if FileSystem.kind(of: path) == .file {
            let text = try FileSystem.readAll(path, limit: .max), decoder = JSONDecoder.ofRecords()
            for line in text.split(separator: 0x0A) {
                if let measurement = try? decoder.decode(SensitivityMeasurement.self, from: Data(line)) { known[measurement.place] = measurement }
            }
            file = try AppendedFile(path: path)
            if let last = text.last, last != 0x0A { try file.append([0x0A]) }
        } else {
            file = try AppendedFile(path: path)
        }
    }

    subscript(key: String, group: String, keep: Double) -> SensitivityMeasurement? { known[SensitivityMeasurement.place(key, group, keep)] }

    func append(_ measurement: SensitivityMeasurement) throws {
        guard measurement.losses.allSatisfy(\.isFinite) else {
            throw HealError(.diverged, "\(measurement.group): the loss is no number with \(HumanFormat.percent(measurement.keep)) kept")
        }
        let encoder = JSONEncoder.ofRecords(.sortedKeys)
        try file.append([UInt8](try encoder.encode(measurement)) + [0x0A])
        known[measurement.place] = measurement
    }
}

extension SensitivityMeasurement {
    fileprivate var place: String { Self.place(key, group, keep) }
    fileprivate static func place(_ key: String, _ group: String, _ keep: Double) -> String { "\(group) \(keep) \(key)" }
}
