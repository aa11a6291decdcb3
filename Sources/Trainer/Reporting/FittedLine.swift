import Basics

/// A line of several parts that gives up the least important of them where it has to be narrow.
package struct FittedLine: Sendable {
    package struct Part: Sendable {
        package var text: String
        /// 0 stays longest; the highest goes first.
        package var rank: Int
        /// Whether its middle may be left out, as of a name or a path.
        package var shortens: Bool

        package init(_ text: String, rank: Int = 0, shortens: Bool = false) {
            self.text = text
            self.rank = rank
            self.shortens = shortens
        }
    }

    package var parts: [Part]

    package init(_ parts: [Part]) { self.parts = parts }

    private static let separator = "  "
    /// A name is not made shorter than this before other parts are dropped.
    private static let shortestName = 16

    /// - Parameter width: columns of the terminal; nil gives everything, for files and pipes.
    package func text(width: Int? = nil) -> String {
        var parts = parts.filter { !$0.text.isEmpty }
        func line() -> String { parts.map(\.text).joined(separator: Self.separator) }
        guard let width else { return line() }
        if line().displayWidth > width {
            for index in parts.indices where parts[index].shortens {
                let excess = line().displayWidth - width
                if excess > 0 { parts[index].text = parts[index].text.shortened(columns: max(Self.shortestName, parts[index].text.displayWidth - excess)) }
            }
        }
        while line().displayWidth > width, parts.count > 1, let last = parts.indices.max(by: { parts[$0].rank < parts[$1].rank }) { parts.remove(at: last) }
        return String(line().prefix(columns: max(0, width)))
    }
}
