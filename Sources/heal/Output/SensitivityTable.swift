import Foundation
import Trainer

/// A sensitivity profile in words: a line for each group, measured and predicted rises side by side for each size.
struct SensitivityTable {
    private let profile: SensitivityProfile

    init(_ profile: SensitivityProfile) { self.profile = profile }

    func text(width: Int? = Terminal.lineWidth) -> String {
        var table = TextTable(header: ["group", "parameters"] + profile.keeps.flatMap { [HumanFormat.percent($0), "predicted"] })
        func rise(_ value: Double) -> String { HumanFormat.significant(value, digits: 3) }
        for line in profile.lines {
            table.rows.append([line.name, HumanFormat.grouped(line.denseParameters)] + line.points.flatMap { [rise($0.rise), rise($0.predicted)] })
        }
        var lines = ["rise of the loss over the dense model's, by kept share, in nats a token", "", table.text(width: width)]
        let errors = profile.lines.flatMap(\.points).compactMap(\.standardError).sorted()
        if !errors.isEmpty { lines.append("\nstandard error of a measured rise: \(HumanFormat.significant(errors[errors.count / 2], digits: 2)) in the middle, \(HumanFormat.significant(errors[errors.count - 1], digits: 2)) at most") }
        let judged = [(nil, "all")] + profile.keeps.map { ($0, HumanFormat.percent($0)) }
        let rows = judged.compactMap { keep, name -> [String]? in
            guard let correlation = profile.rankCorrelation(keep: keep) else { return nil }
            return [name, HumanFormat.fixed(correlation, decimals: 3), profile.medianRatio(keep: keep).map { HumanFormat.significant($0, digits: 3) } ?? ""]
        }
        if !rows.isEmpty { lines.append("\n" + TextTable(header: ["kept", "rank correlation", "predicted / measured"], rows: rows).text(width: width)) }
        return lines.joined(separator: "\n")
    }
}
