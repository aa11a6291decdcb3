import Basics

/// A table in plain text: names to the left, numbers to the right.
package struct TextTable: Sendable {
    package var header: [String]
    package var rows: [[String]] = []

    package init(header: [String], rows: [[String]] = []) {
        self.header = header
        self.rows = rows
    }

    /// Lines of equal width, the first column flush left and the others flush right. Missing cells are empty.
    package var text: String { text(width: nil) }

    /// The same where no line may be wider than `width` columns: cells are broken at blanks, and where that is not enough, each row becomes a list of its cells.
    ///
    /// - Parameter width: nil where there is no limit, as in files and pipes.
    package func text(width: Int?) -> String {
        let cells = ([header] + rows).map { row in columns.map { $0 < row.count ? row[$0] : "" } }
        let widths = columns.map { column in cells.map { $0[column].displayWidth }.max() ?? 0 }
        guard let width, Self.total(widths) > width else { return lines(cells.map { $0.map { [$0] } }, widths) }
        guard let narrow = fitted(widths, cells, to: width) else { return list(cells, width) }
        return lines(cells.map { row in zip(row, narrow).map { TextWrap.lines($0, width: $1) } }, narrow)
    }

    private var columns: Range<Int> { 0..<rows.map(\.count).reduce(header.count, max) }
    private static let gap = "  "
    private static func total(_ widths: [Int]) -> Int { widths.reduce(0, +) + gap.count * max(0, widths.count - 1) }

    /// Narrower columns, the widest first, down to their longest words; nil where even those do not fit.
    private func fitted(_ widths: [Int], _ cells: [[String]], to width: Int) -> [Int]? {
        let least = columns.map { column in cells.flatMap { TextWrap.pieces($0[column]) }.map(\.text.displayWidth).max() ?? 0 }
        guard Self.total(least) <= width else { return nil }
        var widths = widths
        while Self.total(widths) > width, let widest = columns.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] }) { widths[widest] -= 1 }
        return widths
    }

    /// Rows of cells, each of one line or several.
    private func lines(_ rows: [[[String]]], _ widths: [Int]) -> String {
        var lines: [String] = []
        for (index, row) in rows.enumerated() {
            let height = row.map(\.count).max() ?? 1
            for line in 0..<max(1, height) {
                lines.append(columns.map { column in
                    // The words of a header stand at its foot.
                    let place = index == 0 ? line - (height - row[column].count) : line
                    return (row[column].indices.contains(place) ? row[column][place] : "").padded(columns: widths[column], left: column > 0)
                }.joined(separator: Self.gap))
            }
            if index == 0 { lines.append(widths.map { String(repeating: "-", count: $0) }.joined(separator: Self.gap)) }
        }
        return lines.joined(separator: "\n")
    }

    /// A row as its first cell with the others below it, each after its header.
    private func list(_ cells: [[String]], _ width: Int) -> String {
        cells.dropFirst().map { row in
            let others = zip(cells[0], row).dropFirst().filter { !$1.isEmpty }.flatMap { TextWrap.lines("\($0) \($1)", width: max(1, width - 2)).map { "  " + $0 } }
            return (TextWrap.lines(row.first ?? "", width: width) + others).map { $0.shortened(columns: width) }.joined(separator: "\n")
        }.joined(separator: "\n")
    }
}

/// Text broken at blanks, and chains of cores behind a bond.
package enum TextWrap {
    /// Lines of at most so many columns; only a word that is wider by itself makes a longer one.
    package static func lines(_ text: String, width: Int) -> [String] {
        if text.displayWidth <= width { return [text] }
        var lines: [String] = []
        for (piece, glue) in pieces(text) {
            if let last = lines.last, (last + glue + piece).displayWidth <= width { lines[lines.count - 1] += glue + piece } else { lines.append(piece) }
        }
        return lines.isEmpty ? [""] : lines
    }

    /// What stays together, and what stands before it within a line: words, and the cores of a chain such as `(64x1)-[23]-(1x64)`.
    static func pieces(_ text: String) -> [(text: String, glue: String)] {
        text.split(separator: " ").flatMap { word in
            var pieces: [(String, String)] = [], rest = word
            while let bond = rest.firstRange(of: "]-(") {
                let end = rest.index(before: bond.upperBound)
                pieces.append((String(rest[..<end]), pieces.isEmpty ? " " : ""))
                rest = rest[end...]
            }
            return pieces + [(String(rest), pieces.isEmpty ? " " : "")]
        }
    }
}
