import Foundation

/// Two runs row by row.
struct Comparison {
    /// What became of a row.
    enum Verdict: String {
        case same = ""
        case faster, slower
        /// More time on the clock, but not on the processor: rather a busy machine than slower code.
        case disturbed = "disturbed?"
        case new
    }

    struct Line {
        var row: Row
        /// Now over before; above 1 is slower.
        var ratio: Double?
        var cpuRatio: Double?
        var verdict: Verdict
    }

    let lines: [Line]
    /// Rows of the baseline that this run does not have.
    let missing: [String]
    let tolerance: Double
    /// What makes the two runs hard to compare.
    let cautions: [String]

    init(_ report: BenchmarkReport, with baseline: BenchmarkReport, tolerance: Double) {
        self.tolerance = tolerance
        let before = Dictionary(baseline.rows.map { ($0.name, $0) }) { first, _ in first }
        // A row without a time is a summary of others.
        lines = report.rows.filter { $0.seconds > 0 }.map { row in
            guard let old = before[row.name], old.seconds > 0 else { return Line(row: row, verdict: .new) }
            let ratio = row.seconds / old.seconds
            var cpuRatio: Double?
            if let now = row.cpuSeconds, let then = old.cpuSeconds, then > 0 { cpuRatio = now / then }
            return Line(row: row, ratio: ratio, cpuRatio: cpuRatio, verdict: Self.verdict(ratio, cpuRatio, tolerance))
        }
        let names = Set(report.rows.map(\.name))
        missing = baseline.rows.filter { $0.seconds > 0 && !names.contains($0.name) }.map(\.name)
        var cautions: [String] = []
        if report.machine.processor != baseline.machine.processor { cautions.append("measured on another processor: \(baseline.machine.processor)") }
        if report.machine.loops != baseline.machine.loops { cautions.append("measured with loops for \(baseline.machine.loops)") }
        if report.threads != baseline.threads { cautions.append("measured with \(baseline.threads) threads") }
        if report.machine.onednn != baseline.machine.onednn { cautions.append("measured with oneDNN \(baseline.machine.onednn)") }
        self.cautions = cautions
    }

    static func verdict(_ ratio: Double, _ cpuRatio: Double?, _ tolerance: Double) -> Verdict {
        if ratio > 1 + tolerance { return (cpuRatio ?? ratio) > 1 + tolerance ? .slower : .disturbed }
        return ratio < 1 / (1 + tolerance) ? .faster : .same
    }

    func table(against path: String) -> String {
        func text(_ ratio: Double?) -> String { ratio.map { String(format: "%6.3f", $0) } ?? "     -" }
        var output = ["time now / time in \(path); marked beyond \(Int((tolerance * 100).rounded())) %"] + cautions.map { "  caution: the baseline was \($0)" }
        output.append("\("".padding(toLength: 58, withPad: " ", startingAt: 0))   wall    cpu")
        for line in lines {
            output.append(
                "\(line.row.name.padding(toLength: max(58, line.row.name.count), withPad: " ", startingAt: 0)) \(text(line.ratio)) \(text(line.cpuRatio))  "
                    + line.verdict.rawValue)
        }
        output += missing.map { "missing: \($0)" }
        let slower = lines.count { $0.verdict == .slower }
        output.append(slower == 0 ? "no row is slower" : "\(slower) of \(lines.count) rows are slower")
        return output.joined(separator: "\n")
    }
}
