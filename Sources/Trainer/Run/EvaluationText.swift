import Basics
import Foundation
import HealData
import Models

/// Plain text that a model is looked at with beside the held-back rows, cut into rows of one length.
package struct EvaluationText: Sendable {
    /// What reports call it: the file's name.
    package let name: String
    /// Each token but the first of a row is predicted.
    let rows: [[Int32]]

    package static func name(_ path: String) -> String { FileSystem.name(of: path) }

    /// - Parameters:
    ///   - rowLength: tokens of a row.
    ///   - maxRows: rows to take from the beginning; nil takes the whole file.
    package init(path: String, _ opened: OpenedModel, rowLength: Int, maxRows: Int?) throws {
        name = Self.name(path)
        if let problem = InputFile.problem(at: path) { throw HealError(.data, "\(path): \(problem.words)") }
        let file = try ReadableFile(path: path)
        // No token of a text is longer than this many bytes on average; the rest of a large file need not be looked at.
        let wanted = maxRows.map { $0.multipliedReportingOverflow(by: rowLength * 16) }
        let isCut = wanted.map { !$0.overflow && $0.partialValue < file.count } ?? false
        var data: [UInt8] = []
        try file.forEachPiece(0..<(isCut ? wanted!.partialValue : file.count)) { data += $0 }
        if isCut, let end = data.lastIndex(of: 0x0A) { data.removeSubrange((end + 1)...) }
        guard let text = String(validating: data, as: UTF8.self) else { throw HealError(.data, "\(path): is not UTF-8 text") }
        var tokens = opened.tokenizer.encode(text)
        if opened.tokenizer.addsBos, let bos = opened.tokenizer.special.bos { tokens.insert(bos, at: 0) }
        var rows: [[Int32]] = []
        for start in stride(from: 0, to: tokens.count, by: rowLength) where rows.count < maxRows ?? .max {
            let row = Array(tokens[start..<min(tokens.count, start + rowLength)])
            if row.count > 1 { rows.append(row) }
        }
        guard !rows.isEmpty else { throw HealError(.data, "\(path): has no two tokens; there is nothing to predict") }
        self.rows = rows
    }

    /// Batches of so many rows.
    func batches(rowsPerBatch: Int) -> [TokenBatch] {
        stride(from: 0, to: rows.count, by: rowsPerBatch).map { start in
            var batch = TokenBatch()
            for row in rows[start..<min(rows.count, start + rowsPerBatch)] {
                batch.tokens += row
                batch.labels += row.dropFirst() + [Sample.ignoredLabel]
                batch.positions += 0..<Int32(row.count)
                batch.segments.append(batch.tokens.count)
                batch.trainedTokens += row.count - 1
            }
            return batch
        }
    }
}
