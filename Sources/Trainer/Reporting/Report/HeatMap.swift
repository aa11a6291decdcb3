/// Numbers of the matrices of a model: a row for each kind, a column for each block.
package struct HeatMap: Sendable {
    package var title: String
    package var kinds: [String]
    package var blocks: Int
    /// Shade from 0 to 1 and what is said of it, by kind and block; nil where there is nothing.
    package var cell: @Sendable (_ kind: Int, _ block: Int) -> (shade: Double, text: String)?

    package init(title: String, kinds: [String], blocks: Int, cell: @escaping @Sendable (_ kind: Int, _ block: Int) -> (shade: Double, text: String)?) {
        self.title = title
        self.kinds = kinds
        self.blocks = blocks
        self.cell = cell
    }

    /// Room for the longest kind, `down_proj`, in wide fonts too.
    private static let left = 78

    package var svg: String {
        let left = Self.left, size = min(18, (440 - left - 8) / max(1, blocks)), height = 18 * kinds.count + 40
        var parts = ["<figcaption>\(HTML.escaped(title))</figcaption><svg viewBox=\"0 0 440 \(height)\" role=\"img\" aria-label=\"\(HTML.escaped(title)), by matrix and block\">"]
        for (row, kind) in kinds.enumerated() {
            parts.append("<text class=\"tick\" text-anchor=\"end\" x=\"\(left - 6)\" y=\"\(17 + 18 * row)\">\(HTML.escaped(kind))</text>")
            for block in 0..<blocks {
                guard let (shade, text) = cell(row, block) else { continue }
                parts.append(
                    "<rect class=\"cell\" x=\"\(left + size * block)\" y=\"\(4 + 18 * row)\" width=\"\(max(1, size - 1))\" height=\"17\" fill-opacity=\"\(HumanFormat.fixed(min(1, max(0.03, shade)), decimals: 2))\">"
                        + "<title>\(HTML.escaped(text))</title></rect>")
            }
        }
        for block in stride(from: 0, to: blocks, by: blocks > 20 ? 5 : 1) {
            parts.append("<text class=\"tick\" text-anchor=\"middle\" x=\"\(left + size * block + size / 2)\" y=\"\(18 + 18 * kinds.count)\">\(block)</text>")
        }
        parts.append("<text class=\"tick\" x=\"\(left)\" y=\"\(34 + 18 * kinds.count)\">block</text>")
        return "<figure>" + parts.joined() + "</svg></figure>"
    }
}
