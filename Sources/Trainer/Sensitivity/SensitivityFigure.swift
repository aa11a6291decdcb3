import Foundation

/// The profile as a picture that needs nothing but itself: rise of the loss against kept share, a line for each group; with matrices a panel for each kind and a
/// shade for each block. A last panel holds predicted against measured rises.
package struct SensitivityFigure {
    /// An SVG document.
    package let svg: String

    private static let panel = (width: 250.0, height: 190.0)
    private static let margin = (left: 62.0, right: 14.0, top: 30.0, bottom: 40.0)
    private static let columns = 4
    /// More decades than this below the largest rise are noise.
    private static let decades = 5.0

    package init(_ profile: SensitivityProfile) {
        let points = profile.lines.flatMap(\.points)
        let axis = Self.axis(points.map(\.rise) + points.map(\.predicted)), keeps = profile.keeps.sorted()
        let blocks = profile.lines.compactMap(\.block), lastBlock = blocks.max() ?? 0
        var panels: [(title: String, lines: [SensitivityProfile.Line])] = []
        if profile.grouping == .matrix {
            for line in profile.lines {
                if let place = panels.firstIndex(where: { $0.title == line.kind }) { panels[place].lines.append(line) } else { panels.append((line.kind ?? "", [line])) }
            }
        } else {
            panels = [(profile.grouping == .kind ? "kinds of matrices" : "blocks", profile.lines)]
        }
        let size = (width: Self.panel.width + Self.margin.left + Self.margin.right, height: Self.panel.height + Self.margin.top + Self.margin.bottom)
        let rows = (panels.count + 1 + Self.columns - 1) / Self.columns, across = min(Self.columns, panels.count + 1)
        let width = max(640, Double(across) * size.width), head = 64.0, foot = 44.0, height = head + Double(rows) * size.height + foot
        var body = Self.text(16, 24, "What the loss rises by where one group is compressed: \(profile.model)", size: 15, bold: true)
        body += Self.text(
            16, 44, "dense: loss \(HumanFormat.fixed(profile.denseLoss, decimals: 4)), perplexity \(HumanFormat.significant(exp(profile.denseLoss))) on "
                + "\(HumanFormat.grouped(profile.rows)) held-back rows; upwards: measured rise of the loss in nats a token; at the lower edge: none, or a fall", size: 12)
        func colour(_ line: SensitivityProfile.Line, _ index: Int) -> String {
            line.block.map { Self.shade(lastBlock > 0 ? Double($0) / Double(lastBlock) : 0) } ?? Self.hues[index % Self.hues.count]
        }
        for (index, panel) in panels.enumerated() {
            let frame = Frame(
                x: Double(index % Self.columns) * size.width + Self.margin.left, y: head + Double(index / Self.columns) * size.height + Self.margin.top,
                horizontal: (0, 1), vertical: axis)
            body += frame.border(panel.title) + frame.shareTicks(keeps) + frame.decadeTicks()
            body += frame.below("kept share of parameters")
            for (place, line) in panel.lines.enumerated() {
                let path = line.points.sorted { $0.keep < $1.keep }.map { point in
                    frame.place(Double(point.parameters) / Double(max(1, line.denseParameters)), Self.logarithm(point.rise, axis))
                }
                let told = line.points.map {
                    "\(HumanFormat.percent($0.keep)) (bond \($0.bond)): \(HumanFormat.significant($0.rise, digits: 3)), predicted \(HumanFormat.significant($0.predicted, digits: 3))"
                }
                body += Self.line(path, colour(line, place), title: ([line.name] + told).joined(separator: "\n"))
            }
        }
        let last = panels.count
        let frame = Frame(
            x: Double(last % Self.columns) * size.width + Self.margin.left, y: head + Double(last / Self.columns) * size.height + Self.margin.top,
            horizontal: axis, vertical: axis)
        let correlation = profile.rankCorrelation().map { ", rank correlation \(HumanFormat.fixed($0, decimals: 2))" } ?? ""
        body += frame.border("all\(correlation)") + frame.below("predicted rise") + frame.decadeTicks() + frame.decadeTicksBelow()
        body += "<line x1=\"\(Self.number(frame.x))\" y1=\"\(Self.number(frame.y + Self.panel.height))\" x2=\"\(Self.number(frame.x + Self.panel.width))\" y2=\"\(Self.number(frame.y))\" stroke=\"#999\" stroke-dasharray=\"4 3\"/>\n"
        for (place, line) in profile.lines.enumerated() {
            for point in line.points {
                let (x, y) = frame.place(Self.logarithm(point.predicted, axis), Self.logarithm(point.rise, axis))
                body += "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"2.4\" fill=\"\(colour(line, place))\" fill-opacity=\"0.75\"><title>"
                    + "\(Self.escaped(line.name)), \(HumanFormat.percent(point.keep)): measured \(HumanFormat.significant(point.rise, digits: 3)), predicted "
                    + "\(HumanFormat.significant(point.predicted, digits: 3))</title></circle>\n"
            }
        }
        body += Self.legend(profile, y: height - foot + 8, lastBlock: lastBlock)
        svg = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(width)) \(Self.number(height))" width="\(Self.number(width))" \
            height="\(Self.number(height))" font-family="Helvetica, Arial, sans-serif">
            <rect width="100%" height="100%" fill="#fff"/>
            \(body)</svg>

            """
    }

    // MARK: Axes

    /// Whole powers of ten around the rises.
    private static func axis(_ values: [Double]) -> (Double, Double) {
        let positive = values.filter { $0 > 0 && $0.isFinite }
        guard let most = positive.max(), let least = positive.min() else { return (-3, 0) }
        let top = log10(most).rounded(.up)
        return (min(top - 1, max(log10(least).rounded(.down), top - decades)), top)
    }

    /// Within the axis; what is not positive lies at its lower end.
    private static func logarithm(_ value: Double, _ axis: (Double, Double)) -> Double { value > 0 ? min(axis.1, max(axis.0, log10(value))) : axis.0 }

    /// A panel and its two axes.
    private struct Frame {
        let x: Double, y: Double
        let horizontal: (Double, Double), vertical: (Double, Double)

        func place(_ across: Double, _ up: Double) -> (Double, Double) {
            (
                x + panel.width * (across - horizontal.0) / (horizontal.1 - horizontal.0),
                y + panel.height * (1 - (up - vertical.0) / (vertical.1 - vertical.0))
            )
        }

        func border(_ title: String) -> String {
            "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(panel.width))\" height=\"\(number(panel.height))\" fill=\"none\" stroke=\"#444\"/>\n"
                + text(x, y - 8, title, size: 13, bold: true)
        }

        func below(_ title: String) -> String { text(x + panel.width / 2, y + panel.height + 32, title, size: 11, anchor: "middle") }

        func shareTicks(_ keeps: [Double]) -> String {
            ([0] + keeps + [1]).map { keep in
                let (at, _) = place(keep, vertical.0)
                return grid(at, y, at, y + panel.height) + text(at, y + panel.height + 15, share(keep), size: 10, anchor: "middle")
            }.joined()
        }

        func decadeTicks() -> String {
            decades(vertical).map { power in
                let (_, at) = place(horizontal.0, power)
                return grid(x, at, x + panel.width, at) + text(x - 5, at + 3.5, label(power), size: 10, anchor: "end")
            }.joined()
        }

        func decadeTicksBelow() -> String {
            decades(horizontal).map { power in
                let (at, _) = place(power, vertical.0)
                return grid(at, y, at, y + panel.height) + text(at, y + panel.height + 15, label(power), size: 10, anchor: "middle")
            }.joined()
        }

        private func share(_ keep: Double) -> String { String(format: "%g", (keep * 1000).rounded() / 1000) }
        private func decades(_ axis: (Double, Double)) -> [Double] { Array(stride(from: axis.0, through: axis.1, by: 1)) }
        private func label(_ power: Double) -> String { HumanFormat.significant(pow(10, power), digits: 1) }
        private func grid(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
            "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"#ddd\"/>\n"
        }
    }

    // MARK: Marks

    private static func line(_ path: [(Double, Double)], _ colour: String, title: String) -> String {
        let points = path.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        let dots = path.map { "<circle cx=\"\(number($0.0))\" cy=\"\(number($0.1))\" r=\"2\" fill=\"\(colour)\"/>" }.joined()
        return "<g><title>\(escaped(title))</title><polyline points=\"\(points)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\"/>\(dots)</g>\n"
    }

    private static func legend(_ profile: SensitivityProfile, y: Double, lastBlock: Int) -> String {
        if profile.grouping == .kind {
            return profile.lines.enumerated().map { index, line in
                let x = 16 + Double(index) * 110
                return "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"12\" height=\"12\" fill=\"\(hues[index % hues.count])\"/>\n" + text(x + 17, y + 10, line.name, size: 11)
            }.joined()
        }
        let steps = 40
        return text(16, y + 10, "block 0", size: 11)
            + (0..<steps).map { step in
                "<rect x=\"\(number(66 + 4 * Double(step)))\" y=\"\(number(y))\" width=\"4.5\" height=\"12\" fill=\"\(shade(Double(step) / Double(steps - 1)))\"/>\n"
            }.joined() + text(66 + 4 * Double(steps) + 8, y + 10, "block \(lastBlock)", size: 11)
    }

    private static let hues = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"]

    /// From yellow over green and blue to violet: readable on white, and in grey.
    private static func shade(_ share: Double) -> String {
        let stops: [(Double, Double, Double)] = [(222, 190, 20), (94, 180, 80), (33, 145, 140), (59, 82, 139), (68, 1, 84)]
        let at = min(max(share, 0), 1) * Double(stops.count - 1), from = min(stops.count - 2, Int(at)), part = at - Double(from)
        let (a, b) = (stops[from], stops[from + 1])
        func mix(_ a: Double, _ b: Double) -> String { String(format: "%02x", Int((a + (b - a) * part).rounded())) }
        return "#" + mix(a.0, b.0) + mix(a.1, b.1) + mix(a.2, b.2)
    }

    private static func text(_ x: Double, _ y: Double, _ text: String, size: Int, bold: Bool = false, anchor: String = "start") -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" fill=\"#222\" text-anchor=\"\(anchor)\"\(bold ? " font-weight=\"bold\"" : "")>\(escaped(text))</text>\n"
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: ">", with: "&gt;")
    }
}
