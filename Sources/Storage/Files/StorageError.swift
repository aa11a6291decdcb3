/// What went wrong with a file: which file, where in it, what is the matter and what to do.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// There is nothing at the path, or the path names something of the wrong kind.
        case notFound
        /// The operating system refused to read or to write.
        case unreadable, unwritable
        /// The file system is full, or a quota or a size limit is reached.
        case noSpace
        /// The file ends too early, or its parts contradict each other.
        case truncated, malformed
        /// The file is well formed, but holds what this program cannot take.
        case unsupported
        /// A tensor, dataset, attribute or key is absent.
        case missing
        /// Type or shape differ from what the caller asked for.
        case mismatch
        /// Stored and computed checksums differ.
        case checksum
        /// The library below failed for a reason of its own, or the file was already closed.
        case library, closed
    }

    package var code: Code
    package var file: String
    /// Tensor, dataset, key or byte offset inside the file.
    package var place: String?
    /// What is wrong and, where there is something to be done, what to do.
    package var message: String
    /// The lower layer's own words.
    package var cause: String?

    package init(_ code: Code, file: String, place: String? = nil, _ message: String, cause: String? = nil) {
        self.code = code
        self.file = file
        self.place = place
        self.message = message
        self.cause = cause
    }

    package var description: String {
        var text = file
        if let place { text += ": \(place)" }
        text += ": \(message)"
        if let cause { text += " (\(cause))" }
        return text
    }
}
