import Basics

/// The numbers a key accepts, with the words that say so.
package struct Bounds: Sendable {
    private var lower: Double?
    private var lowerIncluded = true
    private var upper: Double?
    private var upperIncluded = true
    private var explanation: String?

    package static let any = Bounds()
    package static let positive = Bounds(lower: 0, lowerIncluded: false)
    package static func atLeast(_ lower: Double) -> Bounds { Bounds(lower: lower) }
    package static func from(_ lower: Double, to upper: Double) -> Bounds { Bounds(lower: lower, upper: upper) }
    package static func from(_ lower: Double, below upper: Double) -> Bounds { Bounds(lower: lower, upper: upper, upperIncluded: false) }
    package static func above(_ lower: Double, to upper: Double) -> Bounds { Bounds(lower: lower, lowerIncluded: false, upper: upper) }

    /// The same numbers, with a word on what they mean.
    package func explained(_ explanation: String) -> Bounds {
        var bounds = self
        bounds.explanation = explanation
        return bounds
    }

    package func contains(_ number: Double) -> Bool {
        if let lower, !(lowerIncluded ? number >= lower : number > lower) { return false }
        if let upper, !(upperIncluded ? number <= upper : number < upper) { return false }
        return number.isFinite
    }

    /// For example "above 0 and at most 1".
    package var description: String {
        let least = lower.map { "\(lowerIncluded ? "at least" : "above") \(spelled($0))" }
        let most = upper.map { "\(upperIncluded ? "at most" : "below") \(spelled($0))" }
        return [least, most].compactMap(\.self).joined(separator: " and ") + (explanation.map { " (\($0))" } ?? "")
    }

    private func spelled(_ number: Double) -> String { JSON(.number(number)).text() }
}
