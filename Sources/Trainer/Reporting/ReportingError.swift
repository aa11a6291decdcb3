import Foundation

/// A file of the run directory could not be written.
package struct ReportingError: Error, Sendable, Equatable, CustomStringConvertible {
    package var path: String
    package var reason: String

    package var description: String { "\(path): \(reason)" }

    /// The reason of the system call that just failed.
    static func system(_ path: String, _ what: String, code: Int32 = errno) -> ReportingError {
        ReportingError(path: path, reason: "\(what): \(String(cString: strerror(code)))")
    }
}
