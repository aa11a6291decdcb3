/// What stops a run, in words for the person who started it.
package struct HealError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case configuration, model, data, checkpoint, export, diverged
    }
    package let code: Code
    /// The first line, and those below it, where there are several. Kept apart, for their words may come from files: a line feed among them is none of ours.
    package let headline: String
    package let details: [String]

    package init(_ code: Code, _ headline: String, details: [String] = []) {
        (self.code, self.headline, self.details) = (code, headline, details)
    }

    package var lines: [String] { [headline] + details }
    package var description: String { lines.joined(separator: "\n") }

    /// The lines of any error.
    static func lines(of error: any Error) -> [String] { (error as? HealError)?.lines ?? ["\(error)"] }
}
