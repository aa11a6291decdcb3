/// An error that ended the steps of a run, and what is kept of them.
package struct RunEndedError: Error, CustomStringConvertible {
    package let reason: any Error
    /// The last finished step.
    package let step: Int
    /// The newest checkpoint; nil where there is none, or another rank writes it.
    package internal(set) var checkpoint: String?
    package internal(set) var savedStep: Int?
    /// Why the last finished step could not be saved; nil where it is, or there was none.
    package internal(set) var saveError: String?

    init(reason: any Error, step: Int) {
        self.reason = reason
        self.step = step
    }

    /// What is kept, a line each.
    package var kept: [String] {
        let failure = saveError.map { "step \(step) could not be saved: \($0)" }
        let saved = checkpoint.map { "the run is saved up to step \(savedStep ?? 0) in \($0)" }
        return [failure, saved].compactMap(\.self)
    }

    package var description: String { (["\(reason)"] + kept).joined(separator: "\n") }
}
