import Foundation
import Models

/// One page about one run, or several side by side: everything is in the file.
package struct ReportPage: Sendable {
    private let runs: [RunRecord]

    package init(_ runs: [RunRecord]) { self.runs = runs }

    package var html: String {
        let title = runs.map(\.name).joined(separator: ", ")
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>heal: \(HTML.escaped(title))</title><style>\(Self.style)</style></head><body>
            <h1>\(HTML.escaped(title))</h1>
            \(notes)<h2>Before and after</h2>
            \(results)<h2>Healing</h2>
            \(curves)<h2>Cost</h2>
            \(cost)\(compression)\(sensitivity)\(samples)</body></html>

            """
    }

    // MARK: Parts

    private var notes: String {
        runs.compactMap { run in
            var notes: [String] = []
            if run.lastStep < run.totalSteps { notes.append("stands at step \(HumanFormat.grouped(run.lastStep)) of \(HumanFormat.grouped(run.totalSteps))") }
            if run.steps.isEmpty { notes.append("has no step yet") }
            if run.unreadable > 0 { notes.append("\(run.unreadable) lines of its metrics cannot be read and are left out") }
            return notes.isEmpty ? nil : "<p class=\"note\">\(HTML.escaped(run.name)): \(HTML.escaped(notes.joined(separator: "; "))).</p>\n"
        }.joined()
    }

    /// Numbers from files may be anything.
    private static func whole(_ number: Double) -> Int { Int(exactly: min(max(number, 0), 1e18).rounded()) ?? 0 }

    private static func name(_ set: String?) -> String { set ?? "held-back rows" }

    private var sets: [String?] {
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
                    (runs.count > 1 ? run.name + ", " : "") + Self.name(set), perplexity(found[0]), perplexity(found[1]), perplexity(found[2]), ratio,
                    run.recovered(on: set).map(HumanFormat.percent) ?? "",
                    run.evaluations.last { $0.text == set }.map { HumanFormat.grouped($0.tokens) } ?? "",
                ] + (plain.isEmpty ? [] : [plain.lazy.compactMap { run.recovered(on: set, ofRiseIn: $0) }.first.map(HumanFormat.percent) ?? ""]))
            }
        }
        if rows.isEmpty { return "<p class=\"note\">Nothing was evaluated yet.</p>\n" }
        let header = ["perplexity on", "dense", "truncated", "healed", "healed / dense", "rise in loss won back", "tokens looked at"]
        return HTML.table(header + (plain.isEmpty ? [] : ["of plain TT-SVD's rise"]), rows) + "\n"
    }

    private var curves: String {
        var plots: [Plot] = []
        var losses: [Plot.Curve] = []
        for (index, run) in runs.enumerated() {
            let width = max(1, run.steps.count / 20) | 1, smooth = run.smoothedLoss(width: width)
            losses.append(.init(run.name, run.steps.map { (Double($0.step), $0.loss) }, color: index, isFaint: width > 1))
            if width > 1 { losses.append(.init(run.name, zip(run.steps, smooth).map { (Double($0.step), $1) }, color: index)) }
        }
        plots.append(Plot(title: "Training loss, nats a token", xLabel: "step", curves: losses))
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
                title: "Perplexity on \(Self.name(set))", xLabel: "tokens trained on", curves: found, isLogarithmic: (values.max() ?? 1) / (values.min() ?? 1) > 5))
        }
        plots.append(Plot(title: "Learning rate", xLabel: "step", curves: runs.enumerated().map { index, run in
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
            title: plain.isEmpty ? "Rise in loss won back, %" : "Of plain TT-SVD's rise in loss not there any more, %", xLabel: "parameters kept, %", curves: curves)
    }

    private var cost: String {
        let hasEnergy = runs.contains { $0.joules != nil }
        return HTML.table(
            ["run", "steps", "tokens", "time in steps", "tokens/s", "peak memory"] + (hasEnergy ? ["energy, kJ"] : []),
            runs.map { run in
                [
                    run.name, HumanFormat.grouped(run.lastStep), HumanFormat.count(Self.whole(run.tokens)), HumanFormat.duration(run.seconds),
                    run.seconds > 0 ? HumanFormat.significant(run.tokens / run.seconds, digits: 3) : "", run.peakMemory.map { HumanFormat.bytes(Self.whole($0)) } ?? "",
                ] + (hasEnergy ? [run.joules.map { HumanFormat.significant($0 / 1000, digits: 3) } ?? ""] : [])
            }) + "\n"
    }

    private var compression: String {
        let compressed = runs.filter { !$0.matrices.isEmpty }
        if compressed.isEmpty { return "" }
        var parts = ["<h2>Compression</h2>\n<div class=\"plots\">"]
        let kinds = LlamaNames.matrices.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
        for run in compressed {
            let blocks = 1 + (run.matrices.compactMap { LayerRanges.layer(of: $0.name) }.filter { $0 < 1000 }.max() ?? 0)
            var found: [String: CompressedMatrix] = [:]
            for matrix in run.matrices { found["\(LayerRanges.layer(of: matrix.name) ?? -1) \(matrix.name.split(separator: ".").last ?? "")"] = matrix }
            let prefix = runs.count > 1 ? run.name + ": " : "", worst = run.matrices.compactMap { $0.heldError ?? $0.relativeError }.max() ?? 1
            let table = found
            func map(_ title: String, _ shade: @escaping @Sendable (CompressedMatrix) -> Double) -> String {
                HeatMap(title: prefix + title, kinds: kinds, blocks: blocks) { kind, block in
                    table["\(block) \(kinds[kind])"].map { (shade($0), Self.told($0)) }
                }.svg
            }
            parts.append(map("Share of parameters kept, \(HumanFormat.percent(run.keptShare)) of all (dark: all)") { $0.kept })
            parts.append(map("Output error on rows not fitted (dark: \(HumanFormat.significant(worst, digits: 2)))") { worst > 0 ? ($0.heldError ?? $0.relativeError) / worst : 0 })
        }
        return parts.joined(separator: "\n") + "</div>\n"
    }

    /// As an image, so that nothing in the file can run.
    private var sensitivity: String {
        let pictures = runs.compactMap { run in
            run.sensitivity.map { picture in
                "<figure><img src=\"data:image/svg+xml;base64,\(Data(picture).base64EncodedString())\" alt=\"Sensitivity of \(HTML.escaped(run.name))\">"
                    + "<figcaption>\(HTML.escaped(run.name)): how the loss depends on the size of each matrix, the others dense</figcaption></figure>\n"
            }
        }
        return pictures.isEmpty ? "" : "<h2>Sensitivity</h2>\n" + pictures.joined()
    }

    private static func told(_ matrix: CompressedMatrix) -> String {
        let legs = zip(matrix.outFactors, matrix.inFactors).map { "(\($0)x\($1))" }.joined(separator: " ")
        let error = matrix.heldError.map { ", error \(HumanFormat.significant($0, digits: 3))" } ?? ""
        return "\(matrix.name): \(HumanFormat.percent(matrix.kept)) kept, legs \(legs), bonds \(matrix.bonds.dropFirst().dropLast().map(String.init).joined(separator: " "))\(error)"
    }

    private var samples: String {
        let told = runs.filter { !$0.samples.isEmpty }
        if told.isEmpty { return "" }
        let parts = told.map { run in
            // The first and the last show the change.
            var chosen = [run.samples[0]]
            if let last = run.samples.last, run.samples.count > 1 { chosen.append(last) }
            return chosen.map { sample in
                "<p class=\"note\">\(HTML.escaped(run.name)), step \(HumanFormat.grouped(sample.step)): \(HTML.escaped(sample.prompt))</p><pre>\(HTML.escaped(sample.text))</pre>\n"
            }.joined()
        }
        return "<h2>Samples</h2>\n" + parts.joined()
    }

    private static let style = """
        :root{--ink:#1a1c20;--soft:#6b7280;--line:#d9dce1;--page:#fff;--c0:#1f6feb;--c1:#d1641b;--c2:#2a9d62;--c3:#8b5cf6;--c4:#c0395b;--c5:#0f8b9e}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa3af;--line:#363b43;--page:#14171b;--c0:#6aa7ff;--c1:#f0965a;--c2:#5fcf93;--c3:#b79bff;--c4:#f27a97;--c5:#56c6d8}}
        body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:84rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}.note,figcaption{color:var(--soft);font-size:.875rem}
        .scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.25rem .75rem;border-bottom:1px solid var(--line);text-align:right}
        th:first-child,td:first-child{text-align:left;padding-left:0}th{font-weight:600;font-size:.875rem}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem}figure{margin:0}svg,img{width:100%;height:auto}
        .title{font-weight:600;font-size:14px;fill:var(--ink)}.tick{font-size:12px;fill:var(--soft)}.grid{stroke:var(--line);fill:none}.axis{stroke:var(--soft);fill:none}
        .curve{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:6 4;border-top-style:dashed!important}.faint{opacity:.25;stroke-width:1}
        .c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}.dot{fill:var(--page)}.cell{fill:var(--c0)}
        .key{display:inline-block;width:1.5rem;height:0;border-top:2px solid;vertical-align:middle;margin:0 .25rem 0 .75rem}
        .key.c0{border-color:var(--c0)}.key.c1{border-color:var(--c1)}.key.c2{border-color:var(--c2)}.key.c3{border-color:var(--c3)}.key.c4{border-color:var(--c4)}.key.c5{border-color:var(--c5)}
        pre{white-space:pre-wrap;border-left:3px solid var(--line);padding-left:1rem;margin:0 0 1rem}
        @media print{body{margin:0;max-width:none}}
        """
}
