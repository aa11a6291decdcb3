import Basics

/// A failure in the data: which place, what is wrong, what to do about it.
package struct DataError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The file cannot be opened or read.
        case unreadable
        /// Reading failed on the way: a disk's error, or the system has no descriptors, memory or space left.
        case inputOutput
        /// The compressed data is damaged or cut off.
        case damaged
        /// A row is not what its format says.
        case badRow
        /// The format of a file cannot be told from its rows.
        case unknownFormat
        /// No chat template of the closed set fits the model's.
        case unknownTemplate
        /// Nothing is left to train on.
        case empty
        /// An option has a value that makes no sense.
        case badOption
        /// The saved position belongs to other data.
        case changedData
    }

    package var code: Code
    /// `file`, or `file:line`; empty where no file is concerned.
    package var place: String
    package var message: String

    package init(_ code: Code, at place: String = "", _ message: String) {
        self.code = code
        self.place = place
        self.message = message
    }

    /// - Parameter advice: what else to do.
    init(_ error: StorageError, advice: String = "") {
        self.init([.inputOutput, .noSpace].contains(error.code) ? .inputOutput : .unreadable, at: error.file, error.reason + advice)
    }

    package var description: String { place.isEmpty ? message : "\(place): \(message)" }
}

/// What is wrong with one row; the reader of the file adds file and line.
package struct RecordError: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// What to do with a row that cannot be read.
package enum BadLinePolicy: String, Sendable, Codable, CaseIterable {
    /// Stop with `file:line: reason`.
    case error
    /// Leave it out and count it.
    case skip
}
