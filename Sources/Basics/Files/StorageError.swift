import Foundation

/// What went wrong with a file: which file, where in it, what is the matter and what to do.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// There is nothing at the path, or the path names something of the wrong kind.
        case notFound
        /// The operating system refused to read or to write.
        case unreadable, unwritable
        /// Reading or writing failed on the way: a disk's error, or the system has no descriptors or memory left.
        case inputOutput
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
    /// The system's number of the error, where a system call failed.
    package var number: Int32?

    package init(_ code: Code, file: String, place: String? = nil, _ message: String, cause: String? = nil, number: Int32? = nil) {
        self.code = code
        self.file = file
        self.place = place
        self.message = message
        self.cause = cause
        self.number = number
    }

    /// Whether it tells of the machine and not of the file's content: the same file may be sound at the next try.
    package var isOfTheSystem: Bool {
        switch code {
        case .unreadable, .unwritable, .inputOutput, .noSpace: true
        default: false
        }
    }

    package var description: String { file + (place.map { ": \($0)" } ?? "") + ": " + reason }

    /// What is wrong, without the file.
    package var reason: String { message + (cause.map { " (\($0))" } ?? "") }
}

extension StorageError {
    /// A failed system call, with the reason in the system's words and what to do about it.
    ///
    /// - Parameters:
    ///   - action: completes "cannot".
    ///   - number: the value of `errno`.
    ///   - writing: whether something was to be made or changed.
    package init(_ action: String, _ file: String, _ number: Int32, writing: Bool, place: String? = nil) {
        let (code, advice) = Self.meaning(number, writing: writing)
        self.init(
            code, file: file, place: place, "cannot \(action)" + (advice.map { ": \($0)" } ?? ""),
            cause: number == ENOENT ? nil : String(cString: strerror(number)), number: number)
    }

    /// What a number of the system means for whoever reads or writes a file.
    package static func meaning(_ number: Int32, writing: Bool) -> (code: Code, advice: String?) {
        switch number {
        case ENOENT: (writing ? .unwritable : .notFound, "no such file or directory")
        case ENOSPC, EDQUOT, EFBIG: (.noSpace, "no space is left; free some or write elsewhere")
        case EMFILE: (.inputOutput, "this process has too many open files; raise the limit (ulimit -n) and try again")
        case ENFILE: (.inputOutput, "this machine has too many open files; try again when other programs have ended")
        case ENOMEM: (.inputOutput, "no memory is left; try again when other programs have ended")
        case EIO, EREMOTEIO, ESTALE, ENODEV, ENXIO, ETIMEDOUT, EINTR, EBADF:
            (.inputOutput, number == EIO || number == EREMOTEIO ? "the disk, or the connection to it, failed" : nil)
        case EACCES, EPERM, EROFS: (writing ? .unwritable : .unreadable, "this user may not")
        default: (writing ? .unwritable : .unreadable, nil)
        }
    }
}
