import Foundation
import Models

/// One page about one run, or several side by side: everything is in the file.
package struct ReportPage: Sendable {
    let runs: [RunRecord]

    package init(_ runs: [RunRecord]) { self.runs = runs }

    package var html: String {
        let title = HTML.escaped(runs.map(\.name).joined(separator: ", "))
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
            <title>heal: \(title)</title><style>\(ReportStyle.css)</style></head><body><main>
            <h1>\(title)</h1>
            \(notes)\(facts)<h2>Before and after</h2>
            \(results)<h2>Healing</h2>
            \(curves)<h2>Cost</h2>
            \(cost)\(compression)\(sensitivity)\(samples)</main></body></html>

            """
    }

    // MARK: Parts

    private var notes: String {
        runs.compactMap { run in
            var notes: [String] = []
            if run.lastStep < run.totalSteps {
                let words = run.end?.ending == .early ? "stopped early, after step" : "stands at step"
                notes.append("\(words) \(HumanFormat.grouped(run.lastStep)) of \(HumanFormat.grouped(run.totalSteps))")
            }
            if let step = run.end?.resultStep {
                notes.append("the healed model is that of step \(HumanFormat.grouped(step)), \(step == run.lastStep ? "the last" : "the best")")
            }
            if run.lastStep <= 0 { notes.append("has no step yet") }
            if run.unreadable > 0 { notes.append("\(run.unreadable) lines of its metrics cannot be read and are left out") }
            return notes.isEmpty ? nil : HTML.note("\(run.name): \(notes.joined(separator: "; ")).")
        }.joined()
    }

    /// Numbers from files may be anything.
    static func whole(_ number: Double) -> Int { Int(exactly: min(max(number, 0), 1e18).rounded()) ?? 0 }

    static func name(_ set: String?) -> String { set ?? "held-back rows" }

    var sets: [String?] {
        var seen: Set<String?> = []
        return runs.flatMap(\.sets).filter { seen.insert($0).inserted }
    }

    private var results: String {
        var rows: [[String]] = []
        let plain = runs.filter(\.isPlain)
        for set in sets {
            for run in runs where run.sets.contains(set) {
                let found = ["dense", "truncated", "healing"].map { run.loss($0, on: set) }
                func perplexity(_ loss: Double?) -> String { loss.map { HumanFormat.significant(exp($0)) } ?? "" }
                let ratio = if let dense = found[0], let healed = found[2] { HumanFormat.fixed(exp(healed - dense), decimals: 3) } else { "" }
                rows.append([
                    (runs.count > 1 ? run.name + ", " : "") + Self.name(set) + (isComparable(run, on: set) ? "" : " †"), perplexity(found[0]), perplexity(found[1]), perplexity(found[2]), ratio,
                    run.wonBack(on: set), run.evaluations.last { $0.text == set }.map { HumanFormat.grouped($0.tokens) } ?? "",
                ] + (plain.isEmpty ? [] : [plain.lazy.compactMap { run.recovered(on: set, ofRiseIn: $0) }.first.map(Self.share) ?? ""]))
            }
        }
        if rows.isEmpty { return HTML.note("Nothing was evaluated yet.") }
        let header = ["perplexity on", "dense", "truncated", "healed", "healed / dense", "rise in loss won back", "tokens looked at"]
        return HTML.table("Perplexities before and after", header + (plain.isEmpty ? [] : ["of plain TT-SVD's rise"]), rows) + comparison
    }

    /// A share of a rise; more than all of it says only that.
    static func share(_ share: Double) -> String { share > 1 ? "all of it" : share < 0 ? "none" : HumanFormat.percent(share) }

    private var curves: String {
        var plots: [Plot] = []
        var losses: [Plot.Curve] = []
        for (index, run) in runs.enumerated() {
            let width = max(1, run.steps.count / 20) | 1, smooth = run.smoothedLoss(width: width)
            losses.append(.init(run.name, run.steps.map { (Double($0.step), $0.loss) }, color: index, isFaint: width > 1))
            if width > 1 { losses.append(.init(run.name, zip(run.steps, smooth).map { (Double($0.step), $1) }, color: index)) }
        }
        plots.append(Plot(title: "Training loss", xLabel: "step", yLabel: "nats a token", curves: losses))
        for set in sets {
            var found: [Plot.Curve] = []
            for (index, run) in runs.enumerated() {
                let points = run.healing(on: set).map { ($0.tokens, exp($0.loss)) }
                found.append(.init(run.name, points, color: index))
                if let dense = run.loss("dense", on: set), let last = points.last, index == 0 || runs[0].loss("dense", on: set) != dense {
                    found.append(.init("dense", [(0, exp(dense)), (max(last.0, 1), exp(dense))], color: index, isDashed: true))
                }
            }
            let values = found.flatMap(\.points).map(\.y)
            plots.append(Plot(
                title: "Perplexity on \(Self.name(set))", xLabel: "tokens trained on", yLabel: "perplexity", curves: found,
                isLogarithmic: (values.max() ?? 1) / (values.min() ?? 1) > 5))
        }
        plots.append(Plot(title: "Learning rate", xLabel: "step", yLabel: "rate", curves: runs.enumerated().map { index, run in
            .init(run.name, run.steps.map { (Double($0.step), $0.learningRate) }, color: index)
        }))
        if let recovery { plots.append(recovery) }
        return "<div class=\"plots\">" + plots.compactMap(\.svg).joined(separator: "\n") + "</div>\n"
    }

    /// How much is won back at each size, where there are runs of several; of equal ones the best.
    private var recovery: Plot? {
        let plain = runs.filter(\.isPlain), others = runs.filter { !$0.isPlain && !$0.matrices.isEmpty }
        let sizes = Dictionary(grouping: others) { (100 * $0.keptShare).rounded() }
        if sizes.count < 2 { return nil }
        let curves = sets.enumerated().map { index, set in
            Plot.Curve(Self.name(set), sizes.sorted { $0.key < $1.key }.compactMap { size, runs in
                let shares = runs.compactMap { run in
                    plain.isEmpty ? run.recovered(on: set) : plain.lazy.compactMap { run.recovered(on: set, ofRiseIn: $0) }.first
                }
                return shares.max().map { (size, 100 * $0) }
            }, color: index)
        }
        return Plot(
            title: plain.isEmpty ? "Rise in loss won back" : "Of plain TT-SVD's rise in loss not there any more", xLabel: "parameters kept, %",
            yLabel: "% of the rise; above 100 is better than dense", curves: curves)
    }

    private var cost: String {
        let hasEnergy = runs.contains { $0.joules != nil }
        return HTML.table(
            "Cost", ["run", "steps", "tokens", "time in steps", "tokens/s", "peak memory"] + (hasEnergy ? ["energy, kJ"] : []),
            runs.map { run in
                [
                    run.name, HumanFormat.grouped(run.lastStep), HumanFormat.count(Self.whole(run.tokens)), HumanFormat.duration(run.seconds),
                    run.seconds > 0 ? HumanFormat.significant(run.tokens / run.seconds, digits: 3) : "", run.peakMemory.map { HumanFormat.bytes(Self.whole($0)) } ?? "",
                ] + (hasEnergy ? [run.joules.map { HumanFormat.significant($0 / 1000, digits: 3) } ?? ""] : [])
            })
    }
}
