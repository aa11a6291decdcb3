import Foundation
import Models

extension ReportPage {
    var compression: String {
        let compressed = runs.filter { !$0.matrices.isEmpty }
        if compressed.isEmpty { return "" }
        var parts = ["<h2>Compression</h2>\n<div class=\"plots\">"]
        let kinds = LlamaNames.matrices.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
        for run in compressed {
            let blocks = 1 + (run.matrices.compactMap { LayerRanges.layer(of: $0.name) }.filter { $0 < 1000 }.max() ?? 0)
            var found: [String: CompressedMatrix] = [:]
            for matrix in run.matrices { found["\(LayerRanges.layer(of: matrix.name) ?? -1) \(matrix.name.split(separator: ".").last ?? "")"] = matrix }
            let prefix = runs.count > 1 ? run.name + ": " : "", isPlain = run.isPlain
            @Sendable func error(_ matrix: CompressedMatrix) -> Double? { isPlain ? matrix.relativeError : matrix.heldError }
            let worst = run.matrices.compactMap(error).max() ?? 1, full = "(full colour: \(HumanFormat.significant(worst, digits: 2)))"
            let table = found
            func map(_ title: String, _ shade: @escaping @Sendable (CompressedMatrix) -> Double?) -> String {
                HeatMap(title: prefix + title, kinds: kinds, blocks: blocks) { kind, block in
                    table["\(block) \(kinds[kind])"].flatMap { matrix in shade(matrix).map { (shade: $0, text: Self.told(matrix)) } }
                }.svg
            }
            parts.append(map("Share of parameters kept, \(Self.kept(run.keptShare)) of all (full colour: all)") { $0.kept })
            let measured = isPlain ? "Relative error of the matrices, no rows looked at" : "Output error on rows not fitted"
            parts.append(map("\(measured) \(full)") { matrix in error(matrix).map { worst > 0 ? $0 / worst : 0 } })
        }
        return parts.joined(separator: "\n") + "</div>\n"
    }

    private static func kept(_ share: Double) -> String { share > 1 ? "more than the whole" : HumanFormat.percent(share) }

    private static func told(_ matrix: CompressedMatrix) -> String {
        let legs = zip(matrix.outFactors, matrix.inFactors).map { "(\($0)x\($1))" }.joined(separator: " ")
        let (kind, number) = matrix.heldError.map { ("output error", $0) } ?? ("relative error of the matrix", matrix.relativeError)
        let error = ", \(kind) \(HumanFormat.significant(number, digits: 3))"
        return "\(matrix.name): \(kept(matrix.kept)) kept, legs \(legs), bonds \(matrix.bonds.dropFirst().dropLast().map(String.init).joined(separator: " "))\(error)"
    }

    /// As an image, so that nothing in the file can run.
    var sensitivity: String {
        let pictures = runs.compactMap { run in
            run.sensitivity.map { picture in
                "<figure class=\"wide\"><img src=\"data:image/svg+xml;base64,\(Data(picture).base64EncodedString())\" alt=\"Sensitivity of \(HTML.escaped(run.name))\">"
                    + "<figcaption>\(HTML.escaped(run.name)): how the loss depends on the size of each matrix, the others dense</figcaption></figure>\n"
            }
        }
        return pictures.isEmpty ? "" : "<h2>Sensitivity</h2>\n" + pictures.joined()
    }

    // MARK: Samples

    /// What the same prompt gave before, after truncation and after healing, side by side.
    var samples: String {
        let told = runs.filter { !$0.samples.isEmpty }
        if told.isEmpty { return "" }
        return "<h2>Samples</h2>\n" + told.map { run in
            let prompt = run.samples.last?.prompt ?? ""
            let stages = ["dense", "truncated", "healing"].compactMap { stage in run.samples.last { $0.stage == stage } }
            let cells = stages.map { sample in
                let name = sample.stage == "healing" ? "step \(HumanFormat.grouped(sample.step))" : sample.stage
                return "<section><h3>\(HTML.escaped(name))</h3><pre>\(HTML.escaped(sample.text))</pre></section>"
            }
            return HTML.note("\(run.name): \(prompt)") + "<div class=\"samples\">\(cells.joined())</div>\n"
        }.joined()
    }
}
