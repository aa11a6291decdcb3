import Basics
import Foundation

/// How the loss on held-back rows depends on the size of each group of matrices, everything else being dense.
package struct SensitivityProfile: Sendable, Equatable {
    package struct Point: Sendable, Equatable {
        /// The share that was asked for.
        package let keep: Double
        package let parameters: Int
        /// The largest bond of the group's matrices.
        package let bond: Int
        /// Mean loss in nats.
        package let loss: Double
        /// Over the dense model.
        package let rise: Double
        /// Of `rise`, from what samples differ in; nil where there is one.
        package let standardError: Double?
        /// `rise` as gradients and output errors tell.
        package let predicted: Double
        /// Mean relative output error of the matrices on calibration rows that were not fitted; nil without a fit.
        package let outputError: Double?
    }

    package struct Line: Sendable, Equatable {
        package let name: String
        /// `down_proj`; nil for a whole block.
        package let kind: String?
        /// nil for a kind in all blocks.
        package let block: Int?
        package let matrices: Int
        package let denseParameters: Int
        /// By rising size.
        package let points: [Point]
    }

    package let model: String
    package let grouping: SensitivityGrouping
    package let keeps: [Double]
    /// Mean loss of the dense model.
    package let denseLoss: Double
    /// Labelled tokens and held-back samples.
    package let tokens: Int
    package let rows: Int
    /// In the order of the model.
    package let lines: [Line]

    /// Spearman's rank correlation of predicted and measured rises, over all points or those of one size; nil for fewer than three.
    package func rankCorrelation(keep: Double? = nil) -> Double? {
        let points = points(keep)
        return points.count < 3 ? nil : RankCorrelation.spearman(points.map(\.predicted), points.map(\.rise))
    }

    /// The median of predicted over measured rises, of those that are above twice their standard error.
    package func medianRatio(keep: Double? = nil) -> Double? {
        let ratios = points(keep).filter { $0.rise > 2 * ($0.standardError ?? 0) && $0.rise > 0 }.map { $0.predicted / $0.rise }.sorted()
        return ratios.isEmpty ? nil : (ratios[(ratios.count - 1) / 2] + ratios[ratios.count / 2]) / 2
    }

    private func points(_ keep: Double?) -> [Point] { lines.flatMap(\.points).filter { keep == nil || $0.keep == keep } }

    package var json: JSON {
        func number(_ value: Double?) -> JSON { value.map { JSON(.number($0)) } ?? nil }
        func text(_ value: String?) -> JSON { value.map { JSON(.string($0)) } ?? nil }
        let groups = lines.map { line in
            JSON.object([
                ("name", text(line.name)), ("kind", text(line.kind)), ("block", line.block.map { JSON(.integer($0)) } ?? nil),
                ("matrices", JSON(.integer(line.matrices))), ("dense_parameters", JSON(.integer(line.denseParameters))),
                ("points", JSON(.array(line.points.map { point in
                    JSON.object([
                        ("keep", number(point.keep)), ("parameters", JSON(.integer(point.parameters))), ("bond", JSON(.integer(point.bond))),
                        ("loss", number(point.loss)), ("perplexity", number(exp(point.loss))), ("rise", number(point.rise)),
                        ("standard_error", number(point.standardError)), ("predicted_rise", number(point.predicted)), ("output_error", number(point.outputError)),
                    ])
                }))),
            ])
        }
        return .object([
            ("model", text(model)), ("by", text(grouping.rawValue)), ("keeps", JSON(.array(keeps.map(number)))), ("rows", JSON(.integer(rows))),
            ("tokens", JSON(.integer(tokens))), ("dense_loss", number(denseLoss)), ("dense_perplexity", number(exp(denseLoss))), ("groups", JSON(.array(groups))),
            ("rank_correlation", number(rankCorrelation())),
            ("rank_correlation_by_keep", JSON(.array(keeps.map { number(rankCorrelation(keep: $0)) }))),
            ("predicted_to_measured", JSON(.array(keeps.map { number(medianRatio(keep: $0)) }))),
        ])
    }
}

enum RankCorrelation {
    /// Pearson's correlation of the ranks; equal values share the mean of their ranks. 0 where one side has a single value.
    static func spearman(_ x: [Double], _ y: [Double]) -> Double {
        let a = ranks(x), b = ranks(y), mean = Double(x.count - 1) / 2
        var (ab, aa, bb) = (0.0, 0.0, 0.0)
        for (a, b) in zip(a, b) {
            ab += (a - mean) * (b - mean)
            aa += (a - mean) * (a - mean)
            bb += (b - mean) * (b - mean)
        }
        return aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : 0
    }

    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count), first = 0
        while first < order.count {
            var last = first
            while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
            for place in first...last { ranks[order[place]] = Double(first + last) / 2 }
            first = last + 1
        }
        return ranks
    }
}
