/// Why a template cannot be read or will not write a conversation.
struct JinjaError: Error, Sendable, Equatable, CustomStringConvertible {
    enum Kind: Sendable {
        /// The text is no template.
        case syntax
        /// A construct of the language that is not supported here, named in the message.
        case unsupported
        /// The template itself refuses, by `raise_exception`.
        case raised
        /// A value has the wrong type, or is missing.
        case value
        /// The template takes more steps, nesting or output than any chat needs.
        case limit
    }

    var kind: Kind
    /// Of the template, from 1.
    var line: Int
    var message: String

    var description: String { "line \(line): \(message)" }
}
