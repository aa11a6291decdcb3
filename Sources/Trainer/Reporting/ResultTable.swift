import Foundation

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

    /// A mean over fewer predicted tokens tells of these rows, not of the models: a token's loss varies by about 2 nats, so 1,000 of them leave about 0.06.
    package static let fewestTokens = 1000

    /// - Parameters:
    ///   - tokens: how many the losses are means over; nil where that is not known.
    ///   - width: columns of the terminal; nil where there is no limit.
    package func text(tokens: Int? = nil, width: Int? = nil) -> String {
        let rows = [("dense", dense), ("truncated", truncated), ("healed", healed)]
        let counted = rows.contains { $0.1.parameters != nil }
        let table = TextTable(
            header: ["model", "loss", "perplexity"] + (counted ? ["parameters", "kept"] : []),
            rows: rows.map { name, row in
                [name, HumanFormat.fixed(row.loss, decimals: 4), HumanFormat.significant(row.perplexity)]
                    + (counted ? [row.parameters.map(HumanFormat.grouped) ?? "", kept(row)] : [])
            })
        return table.text(width: width) + "\n" + TextWrap.lines(verdict(tokens: tokens), width: width ?? .max).joined(separator: "\n")
    }

    /// What the three losses say, in words wherever a share would say nothing.
    package func verdict(tokens: Int? = nil) -> String {
        if let tokens, tokens < Self.fewestTokens {
            return "measured on \(HumanFormat.grouped(tokens)) tokens: too few to say what was lost and won back; hold back more rows (val_size, eval_max_rows)"
        }
        func lower(_ by: Double) -> String { HumanFormat.fixed(by, decimals: 4) }
        guard let perplexity = recoveredPerplexity, let loss = recoveredLoss else { return "truncation did not raise the loss; there is nothing to win back" }
        // A share of a small rise that is more than made up for says nothing.
        if healed.loss < dense.loss { return "on these rows the healed model is better than the dense one: its loss is \(lower(dense.loss - healed.loss)) lower" }
        if healed.loss > truncated.loss {
            return "healing won nothing back: the loss is \(lower(healed.loss - truncated.loss)) higher than after truncation; lower learning_rate, or train on more rows"
        }
        return "healing won back \(HumanFormat.percent(perplexity)) of the rise in perplexity, \(HumanFormat.percent(loss)) of the rise in loss"
    }

    private func kept(_ row: Row) -> String {
        guard let parameters = row.parameters, let all = dense.parameters, all > 0 else { return "" }
        return HumanFormat.share(of: parameters, in: all)
    }
}
