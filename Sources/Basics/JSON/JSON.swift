/// A JSON value that remembers where it stands in its text, so that a complaint can name the line.
///
/// Foundation's parsers forget positions, keep one of two equal keys and accept what the writer did not mean;
/// a file written by hand deserves better.
package struct JSON: Sendable {
    package enum Value: Sendable {
        case null
        case bool(Bool)
        /// A number written without fraction and exponent that fits into 64 bits.
        case integer(Int)
        /// Any other number; finite unless the reader was told to take others.
        case number(Double)
        case string(String)
        case array([JSON])
        /// The members in the order of the text; no key twice.
        case object([Member])
    }

    package struct Member: Sendable {
        package var key: String
        package var position: Position
        package var value: JSON

        package init(key: String, position: Position, value: JSON) {
            self.key = key
            self.position = position
            self.value = value
        }
    }

    /// A place in the text. Lines and columns count from 1, columns in bytes.
    package struct Position: Sendable, Equatable {
        package var line: Int
        package var column: Int

        package static let start = Position(line: 1, column: 1)

        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    package var value: Value
    package var position: Position

    package init(_ value: Value, at position: Position = .start) {
        self.value = value
        self.position = position
    }

    /// The members of an object; nil for every other value.
    package var members: [Member]? {
        if case .object(let members) = value { members } else { nil }
    }

    /// The elements of an array; nil for every other value.
    package var elements: [JSON]? {
        if case .array(let elements) = value { elements } else { nil }
    }

    /// The member of that name of an object.
    package subscript(key: String) -> JSON? {
        members?.first { $0.key == key }?.value
    }
}

/// A mistake in a JSON text: where, and what to do about it.
package struct JSONIssue: Error, Sendable, Equatable, CustomStringConvertible {
    package var position: JSON.Position
    package var message: String

    package var description: String { "\(position.line):\(position.column): \(message)" }
}

/// Equality of values; positions do not count, and 1 equals 1.0.
extension JSON: Equatable {
    package static func == (left: JSON, right: JSON) -> Bool {
        switch (left.value, right.value) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.integer(let a), .number(let b)), (.number(let b), .integer(let a)): Double(exactly: a) == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a.count == b.count && a.allSatisfy { right[$0.key] == $0.value }
        default: false
        }
    }
}
