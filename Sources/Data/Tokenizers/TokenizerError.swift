/// Why a tokenizer file cannot be used: which file, where in it, what is wrong, and what to do about it.
package struct TokenizerError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// The file is missing or cannot be opened.
        case unreadable
        /// Reading failed on the way, or the system has no descriptors or memory left.
        case inputOutput
        /// The file breaks its own format.
        case malformed
        /// The file is sound but asks for something that is not implemented here.
        case unsupported
    }

    package let code: Code
    /// Path or name of the file.
    package let file: String
    /// Key, line or byte position inside the file; empty when the whole file is meant.
    package let place: String
    package let reason: String

    package init(_ code: Code, file: String, place: String = "", _ reason: String) {
        self.code = code
        self.file = file
        self.place = place
        self.reason = reason
    }

    package var description: String {
        place.isEmpty ? "\(file): \(reason)" : "\(file): \(place): \(reason)"
    }
}
