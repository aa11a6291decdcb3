import Basics
import Foundation
import HealData
import Kernels
import Trainer

/// The rows of a data set, scored and told.
struct RowReport {
    private let path: String
    private let format: DataFormat?
    private let columns: ColumnNames
    private let limit: Int?
    private let asJSON: Bool

    init(_ path: String, format: DataFormat?, columns: ColumnNames, limit: Int?, asJSON: Bool) throws {
        try Self.requireSomething(at: path)
        (self.path, self.format, self.columns, self.limit, self.asJSON) = (path, format, columns, limit, asJSON)
    }

    /// Throws where there is nothing at a path given as rows.
    static func requireSomething(at path: String) throws {
        if FileSystem.kind(of: path) == nil { throw Failure("--rows: " + DataPlace.complaint(aboutMissing: path, places: path), .missingInput) }
    }

    func run(_ opened: OpenedModel, template: ChatTemplate.Name?, maxLength: Int?, compute: DType) throws {
        let length = maxLength ?? min(opened.longestContext, Scoring.usualContext)
        try opened.configuration.checkContext(length, file: opened.path)
        let encoder = SampleEncoder(tokenizer: opened.tokenizer, template: try opened.chatTemplate(option: template), maxLength: length)
        let model = try opened.load(compute: compute, context: length, tokensPerPass: min(length, 512))
        let scoring = try RowScoring(path, format: format, columns: columns, limit: limit, encoder: encoder, model: model)
        var sum = 0.0, tokens = 0, scored = 0, cut = 0, skipped: [SkipReason: Int] = [:]
        for index in 0..<scoring.rowCount {
            Console.progress("scoring", index + 1, of: scoring.rowCount, path)
            let row = try scoring.row(index)
            if let found = row.sum { (sum, tokens, scored) = (sum + found, tokens + row.tokens, scored + 1) }
            if row.isCut { cut += 1 }
            if let reason = row.skipped { skipped[reason, default: 0] += 1 }
            if asJSON { Console.print(Self.json(row)) }
        }
        Console.status("")
        guard tokens > 0 else { throw Failure("\(path): none of its \(scoring.rowCount) rows has a token to score\(Self.words(skipped))", .badInput) }
        tell(sum / Double(tokens), tokens, scored, cut, length, skipped)
    }

    private func tell(_ loss: Double, _ tokens: Int, _ rows: Int, _ cut: Int, _ length: Int, _ skipped: [SkipReason: Int]) {
        if asJSON {
            return Console.print(#"{"loss":\#(JSONText.number(loss)),"perplexity":\#(JSONText.number(exp(loss))),"rows":\#(rows),"tokens":\#(tokens)}"#)
        }
        Console.print(
            "perplexity \(HumanFormat.significant(exp(loss), digits: 6)), loss \(HumanFormat.fixed(loss, decimals: 6)) on \(HumanFormat.grouped(rows)) rows, "
                + "\(HumanFormat.grouped(tokens)) tokens" + (cut > 0 ? "; \(HumanFormat.grouped(cut)) rows cut to \(HumanFormat.grouped(length)) tokens" : "") + Self.words(skipped))
    }

    private static func words(_ skipped: [SkipReason: Int]) -> String {
        skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { "; \(HumanFormat.grouped($0.value)) left out (\($0.key.words))" }.joined()
    }

    private static func json(_ row: RowScoring.Row) -> String {
        let start = #"{"row":\#(JSONText.quoted(row.place))"#
        if let reason = row.skipped { return start + #","skipped":\#(JSONText.quoted(reason.words))}"# }
        return start + #","loss":\#(JSONText.number(row.loss ?? 0)),"tokens":\#(row.tokens)}"#
    }
}
