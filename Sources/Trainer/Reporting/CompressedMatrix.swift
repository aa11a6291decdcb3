import Basics
import Foundation
import Models
import TensorTrain

/// A matrix as it was compressed: an entry of `compression.json` in the output directory.
package struct CompressedMatrix: Sendable, Codable, Equatable {
    package var name: String
    package var out: Int
    package var `in`: Int
    package var outFactors: [Int]
    package var inFactors: [Int]
    package var bonds: [Int]
    package var parameters: Int
    /// Share of the dense matrix's parameters.
    package var kept: Double
    /// ||W - W'|| / ||W||, or a bound of it.
    package var relativeError: Double
    /// Relative output errors on the calibration rows that were fitted and on others, and that of the low-rank factorisation of equal size; nil without rows.
    package var fittedError: Double?
    package var heldError: Double?
    package var lowRankError: Double?

    package static let fileName = "compression.json"

    package init(_ result: Compressor.Result) {
        let layout = result.layout
        name = result.name
        (out, `in`) = (layout.rows, layout.columns)
        (outFactors, inFactors, bonds) = (layout.outFactors, layout.inFactors, layout.bonds)
        (parameters, kept) = (layout.parameterCount, layout.keptFraction)
        relativeError = result.relativeError
        (fittedError, heldError, lowRankError) = (result.fit?.error, result.fit?.heldError, result.fit?.lowRankError)
    }

    private enum CodingKeys: String, CodingKey {
        case name, out, `in`, bonds, parameters, kept
        case outFactors = "out_factors", inFactors = "in_factors", relativeError = "relative_error"
        case fittedError = "fitted_error", heldError = "held_error", lowRankError = "low_rank_error"
    }

    static func write(_ results: [Compressor.Result], to directory: String) throws {
        let encoder = JSONEncoder.ofRecords([.sortedKeys, .withoutEscapingSlashes])
        let lines = try results.map { String(decoding: try encoder.encode(CompressedMatrix($0)), as: UTF8.self) }
        try FileSystem.writeAtomically(Array(("[\n" + lines.joined(separator: ",\n") + "\n]\n").utf8), to: directory + "/" + fileName)
    }
}
