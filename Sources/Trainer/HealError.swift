/// What stops a run, in words for the person who started it.
package struct HealError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case configuration, model, data, checkpoint, export, diverged
    }
    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
