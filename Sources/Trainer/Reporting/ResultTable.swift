import Foundation

/// A table in plain text: names to the left, numbers to the right.
package struct TextTable: Sendable {
    package var header: [String]
    package var rows: [[String]] = []

    package init(header: [String], rows: [[String]] = []) {
        self.header = header
        self.rows = rows
    }

    /// Lines of equal width, the first column flush left and the others flush right. Missing cells are empty.
    package var text: String {
        let columns = rows.map(\.count).reduce(header.count, max)
        func cell(_ row: [String], _ column: Int) -> String { column < row.count ? row[column] : "" }
        let widths = (0..<columns).map { column in ([header] + rows).map { cell($0, column).count }.max() ?? 0 }
        func line(_ row: [String]) -> String {
            (0..<columns).map { column in
                let text = cell(row, column)
                let space = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + space : space + text
            }.joined(separator: "  ")
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
    }
}

/// What healing did: the loss on held-back rows of the original, the truncated and the healed model.
package struct ResultTable: Sendable, Equatable {
    package struct Row: Sendable, Equatable {
        /// Mean loss in nats.
        package var loss: Double
        /// Parameters of the whole model; nil where it does not matter.
        package var parameters: Int?

        package init(loss: Double, parameters: Int? = nil) {
            self.loss = loss
            self.parameters = parameters
        }

        package var perplexity: Double { exp(loss) }
    }

    package var dense: Row
    package var truncated: Row
    package var healed: Row

    package init(dense: Row, truncated: Row, healed: Row) {
        self.dense = dense
        self.truncated = truncated
        self.healed = healed
    }

    /// The share of the rise in perplexity that healing won back: 1 where the healed model is as good as the original, above 1 where it is
    /// better. nil where truncation did no harm, so that there is nothing to win back.
    package var recoveredPerplexity: Double? { Self.recovered(dense.perplexity, truncated.perplexity, healed.perplexity) }

    /// The same for the loss, which a starting point of astronomical perplexity flatters less.
    package var recoveredLoss: Double? { Self.recovered(dense.loss, truncated.loss, healed.loss) }

    private static func recovered(_ dense: Double, _ truncated: Double, _ healed: Double) -> Double? {
        let share = (truncated - healed) / (truncated - dense)
        return truncated > dense && share.isFinite ? share : nil
    }

    package var text: String {
        let rows = [("dense", dense), ("truncated", truncated), ("healed", healed)]
        let counted = rows.contains { $0.1.parameters != nil }
        let table = TextTable(
            header: ["model", "loss", "perplexity"] + (counted ? ["parameters", "kept"] : []),
            rows: rows.map { name, row in
                [name, HumanFormat.fixed(row.loss, decimals: 4), HumanFormat.significant(row.perplexity)]
                    + (counted ? [row.parameters.map(HumanFormat.grouped) ?? "", kept(row)] : [])
            })
        guard let perplexity = recoveredPerplexity, let loss = recoveredLoss else {
            return table.text + "\ntruncation did not raise the loss; there is nothing to win back"
        }
        // A share of a small rise that is more than made up for says nothing.
        guard healed.loss >= dense.loss else {
            return table.text
                + "\non these rows the healed model is better than the dense one: its loss is \(HumanFormat.fixed(dense.loss - healed.loss, decimals: 4)) lower"
        }
        return table.text
            + "\nhealing won back \(HumanFormat.percent(perplexity)) of the rise in perplexity, \(HumanFormat.percent(loss)) of the rise in loss"
    }

    private func kept(_ row: Row) -> String {
        guard let parameters = row.parameters, let all = dense.parameters, all > 0 else { return "" }
        return HumanFormat.percent(Double(parameters) / Double(all))
    }
}
