import Foundation

/// Curves over one x axis, as a piece of SVG. Colours are the page's: `.c0`, `.c1`, ...
package struct Plot: Sendable {
    package struct Curve: Sendable {
        package var name: String
        package var points: [(x: Double, y: Double)]
        package var color: Int
        package var isDashed = false
        /// Behind the others, for what a smoother curve stands for.
        package var isFaint = false

        package init(_ name: String, _ points: [(x: Double, y: Double)], color: Int, isDashed: Bool = false, isFaint: Bool = false) {
            self.name = name
            self.points = points
            self.color = color
            self.isDashed = isDashed
            self.isFaint = isFaint
        }
    }

    package var title: String
    package var xLabel: String
    /// What the values are, with their unit.
    package var yLabel: String
    package var curves: [Curve]
    /// Powers of ten at equal distances; only for values above 0.
    package var isLogarithmic = false

    package init(title: String, xLabel: String, yLabel: String = "", curves: [Curve], isLogarithmic: Bool = false) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.curves = curves
        self.isLogarithmic = isLogarithmic
    }

    private static let width = 440.0, height = 270.0
    private static let left = 52.0, right = 12.0, top = 26.0, bottom = 46.0

    /// nil where there is nothing to draw.
    package var svg: String? {
        let drawn = curves.map { curve in
            var curve = curve
            curve.points = curve.points.filter { $0.x.isFinite && $0.y.isFinite && (!isLogarithmic || $0.y > 0) }
            return curve
        }.filter { !$0.points.isEmpty }
        let points = drawn.flatMap(\.points)
        guard !points.isEmpty else { return nil }
        let x = Axis(points.map(\.x), isLogarithmic: false), y = Axis(points.map(\.y), isLogarithmic: isLogarithmic)
        func across(_ value: Double) -> Double { Self.left + x.place(value) * (Self.width - Self.left - Self.right) }
        func down(_ value: Double) -> Double { Self.height - Self.bottom - y.place(value) * (Self.height - Self.top - Self.bottom) }
        var parts = [
            "<figcaption>\(HTML.escaped(title))</figcaption><svg viewBox=\"0 0 440 270\" role=\"img\" aria-label=\"\(HTML.escaped(summary(drawn)))\">"
                + "<text class=\"tick\" x=\"4\" y=\"14\">\(HTML.escaped(yLabel))</text>"
        ]
        for tick in y.ticks {
            parts.append("<path class=\"grid\" d=\"M52 \(Self.number(down(tick)))H428\"/><text class=\"tick\" text-anchor=\"end\" x=\"47\" y=\"\(Self.number(down(tick) + 4))\">\(y.text(tick))</text>")
        }
        for tick in x.ticks {
            parts.append("<path class=\"axis\" d=\"M\(Self.number(across(tick))) 224v4\"/><text class=\"tick\" text-anchor=\"middle\" x=\"\(Self.number(across(tick)))\" y=\"241\">\(x.text(tick))</text>")
        }
        parts.append("<path class=\"axis\" d=\"M52 224H428\"/><text class=\"tick\" text-anchor=\"middle\" x=\"240\" y=\"261\">\(HTML.escaped(xLabel))</text>")
        for curve in drawn.sorted(by: { $0.isFaint && !$1.isFaint }) {
            let style = "c\(curve.color % 6)\(curve.isDashed ? " dashed" : "")\(curve.isFaint ? " faint" : "")"
            let path = curve.points.map { "\(Self.number(across($0.x))) \(Self.number(down($0.y)))" }.joined(separator: "L")
            parts.append("<path class=\"curve \(style)\" d=\"M\(path)\"><title>\(HTML.escaped(curve.name))</title></path>")
            if curve.points.count < 30, !curve.isDashed, !curve.isFaint {
                parts += curve.points.map { "<circle class=\"dot \(style)\" cx=\"\(Self.number(across($0.x)))\" cy=\"\(Self.number(down($0.y)))\" r=\"2.5\"/>" }
            }
        }
        for curve in drawn where !curve.isDashed && !curve.isFaint {
            // Values under the pointer; of many points some.
            parts += stride(from: 0, to: curve.points.count, by: max(1, curve.points.count / 50)).map { index in
                let point = curve.points[index]
                return "<circle class=\"hit\" cx=\"\(Self.number(across(point.x)))\" cy=\"\(Self.number(down(point.y)))\" r=\"7\"><title>\(HTML.escaped(told(curve, point)))</title></circle>"
            }
        }
        parts.append("</svg>")
        let named = drawn.filter { !$0.name.isEmpty && !$0.isFaint }
        let legend = named.map { "<span><i class=\"key c\($0.color % 6)\($0.isDashed ? " dashed" : "")\"></i>\(HTML.escaped($0.name))</span>" }
        return "<figure>\(parts.joined())<div class=\"legend\">\(legend.joined(separator: " "))</div></figure>"
    }

    private func told(_ curve: Curve, _ point: (x: Double, y: Double)) -> String {
        let x = Int(exactly: point.x).map(HumanFormat.grouped) ?? HumanFormat.significant(point.x)
        return "\(curve.name): \(xLabel) \(x), \(yLabel) \(HumanFormat.significant(point.y))"
    }

    /// The picture in words: where each curve begins and ends.
    private func summary(_ drawn: [Curve]) -> String {
        let curves = drawn.filter { !$0.isFaint }.map { curve in
            let first = HumanFormat.significant(curve.points[0].y), last = HumanFormat.significant(curve.points[curve.points.count - 1].y)
            return "\(curve.name) " + (first == last ? first : "from \(first) to \(last)")
        }
        return "\(title) by \(xLabel), \(yLabel): " + curves.joined(separator: "; ")
    }

    private static func number(_ value: Double) -> String { HumanFormat.fixed(value, decimals: 1) }
}

/// Where values lie between the ends of an axis, and the round numbers on it.
struct Axis {
    let low: Double, high: Double
    let isLogarithmic: Bool
    let ticks: [Double]

    /// - Parameter values: at least one, all finite; above 0 on a logarithmic axis.
    init(_ values: [Double], isLogarithmic: Bool) {
        self.isLogarithmic = isLogarithmic
        var low = values.min()!, high = values.max()!
        if isLogarithmic {
            if high / low < 1.2 { (low, high) = (low / 1.1, high * 1.1) }
            (self.low, self.high) = (low, high)
            ticks = Self.powers(low, high)
        } else {
            if high - low <= 1e-12 * max(abs(low), abs(high)) { (low, high) = (low - max(1, abs(low)) * 0.5, high + max(1, abs(high)) * 0.5) }
            (self.low, self.high) = (low, high)
            ticks = Self.round(low, high)
        }
    }

    /// 0 at the low end, 1 at the high one.
    func place(_ value: Double) -> Double {
        isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
    }

    func text(_ tick: Double) -> String {
        if tick == 0 { return "0" }
        if abs(tick) >= 1e9 || abs(tick) < 1e-3 { return HumanFormat.scientific(tick) }
        if abs(tick) >= 1e6 { return text(tick / 1e6) + " M" }
        if abs(tick) >= 1e4 { return text(tick / 1e3) + " K" }
        let decimals = tick == tick.rounded() ? 0 : max(0, min(4, 2 - Int(log10(abs(tick)).rounded(.down))))
        let text = HumanFormat.fixed(tick, decimals: decimals)
        guard text.contains(".") else { return text }
        return String(text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed())
    }

    /// Four to eight multiples of 1, 2 or 5 times a power of ten.
    private static func round(_ low: Double, _ high: Double) -> [Double] {
        let raw = (high - low) / 5, power = pow(10, log10(raw).rounded(.down))
        let step = ([1, 2, 5, 10].first { $0 * power >= raw } ?? 10) * power
        let first = (low / step).rounded(.up)
        return (0..<12).map { (first + Double($0)) * step }.filter { $0 <= high + 1e-9 * step }
    }

    /// 1, 2, 5 times powers of ten where they are few, else powers of ten.
    private static func powers(_ low: Double, _ high: Double) -> [Double] {
        let first = Int(log10(low).rounded(.down)), last = Int(log10(high).rounded(.up))
        func all(_ factors: [Double], every: Int = 1) -> [Double] {
            stride(from: first, through: last, by: every).flatMap { exponent in factors.map { $0 * pow(10, Double(exponent)) } }.filter { $0 >= low && $0 <= high }
        }
        let fine = all([1, 2, 5])
        if fine.count < 2 { return round(low, high).filter { $0 > 0 } }
        return fine.count <= 8 ? fine : all([1], every: max(1, (last - first) / 6))
    }
}
