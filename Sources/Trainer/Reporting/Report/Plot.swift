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
    package var curves: [Curve]
    /// Powers of ten at equal distances; only for values above 0.
    package var isLogarithmic = false

    package init(title: String, xLabel: String, curves: [Curve], isLogarithmic: Bool = false) {
        self.title = title
        self.xLabel = xLabel
        self.curves = curves
        self.isLogarithmic = isLogarithmic
    }

    private static let width = 640.0, height = 300.0
    private static let left = 64.0, right = 16.0, top = 30.0, bottom = 46.0

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
        var parts = ["<svg viewBox=\"0 0 640 300\" role=\"img\" aria-label=\"\(HTML.escaped(title))\"><text class=\"title\" x=\"64\" y=\"18\">\(HTML.escaped(title))</text>"]
        for tick in y.ticks {
            parts.append("<path class=\"grid\" d=\"M64 \(Self.number(down(tick)))H624\"/><text class=\"tick\" text-anchor=\"end\" x=\"58\" y=\"\(Self.number(down(tick) + 4))\">\(y.text(tick))</text>")
        }
        for tick in x.ticks {
            parts.append("<path class=\"axis\" d=\"M\(Self.number(across(tick))) 254v4\"/><text class=\"tick\" text-anchor=\"middle\" x=\"\(Self.number(across(tick)))\" y=\"271\">\(x.text(tick))</text>")
        }
        parts.append("<path class=\"axis\" d=\"M64 254H624\"/><text class=\"tick\" text-anchor=\"middle\" x=\"344\" y=\"290\">\(HTML.escaped(xLabel))</text>")
        for curve in drawn.sorted(by: { $0.isFaint && !$1.isFaint }) {
            let style = "c\(curve.color % 6)\(curve.isDashed ? " dashed" : "")\(curve.isFaint ? " faint" : "")"
            let path = curve.points.map { "\(Self.number(across($0.x))) \(Self.number(down($0.y)))" }.joined(separator: "L")
            parts.append("<path class=\"curve \(style)\" d=\"M\(path)\"><title>\(HTML.escaped(curve.name))</title></path>")
            if curve.points.count < 30, !curve.isDashed, !curve.isFaint {
                parts += curve.points.map { "<circle class=\"dot \(style)\" cx=\"\(Self.number(across($0.x)))\" cy=\"\(Self.number(down($0.y)))\" r=\"2.5\"/>" }
            }
        }
        parts.append("</svg>")
        let named = drawn.filter { !$0.name.isEmpty && !$0.isFaint }
        let legend = named.map { "<span><i class=\"key c\($0.color % 6)\($0.isDashed ? " dashed" : "")\"></i>\(HTML.escaped($0.name))</span>" }
        return "<figure>\(parts.joined())<figcaption>\(legend.joined(separator: " "))</figcaption></figure>"
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
