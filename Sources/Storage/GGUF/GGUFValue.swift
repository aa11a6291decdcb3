import Basics

/// A metadata value of a GGUF file.
package enum GGUFValue: Sendable {
    case integer(Int64)
    /// Only a uint64 above Int64's range.
    case unsigned(UInt64)
    case float(Double)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)

    package var int: Int? {
        switch self {
        case .integer(let value): Int(exactly: value)
        case .float(let value): Int(exactly: value)
        default: nil
        }
    }

    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }

    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: GGUFArray? { if case .array(let value) = self { value } else { nil } }
}

/// The types of metadata values, by their numbers in the file.
package enum GGUFValueType: UInt32, Sendable {
    case uint8 = 0, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Least number of bytes of one value.
    var minimumSize: UInt64 {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }
}

/// An array inside a GGUF file. It stays in the file (where its extent was checked) until it is asked for, so that opening
/// a file allocates next to nothing, whatever the file claims.
package struct GGUFArray: Sendable {
    package let elementType: GGUFValueType
    package let count: Int
    let range: Range<Int>
    let file: MappedFile
    let key: String

    /// nil where the elements are not strings.
    package func strings() throws(StorageError) -> [String]? {
        guard elementType == .string else { return nil }
        return try map { (value) throws(StorageError) in value.string! }
    }

    /// nil where the elements are not whole numbers.
    package func integers() throws(StorageError) -> [Int]? {
        switch elementType {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64:
            return try map { (value) throws(StorageError) in
                guard let int = value.int else { throw StorageError(.unsupported, file: file.path, place: key, "an element is too large") }
                return int
            }
        default: return nil
        }
    }

    /// nil where the elements are not numbers.
    package func floats() throws(StorageError) -> [Float]? {
        switch elementType {
        case .string, .array, .bool: nil
        default: try map { (value) throws(StorageError) in Float(value.double!) }
        }
    }

    package func elements() throws(StorageError) -> [GGUFValue] {
        try map { (value) throws(StorageError) in value }
    }

    private func map<Element>(_ transform: (GGUFValue) throws(StorageError) -> Element) throws(StorageError) -> [Element] {
        var parser = GGUFValueParser(file: file, start: range.lowerBound)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try transform(try parser.value(of: elementType, key: key))) }
        return elements
    }
}

/// Reads metadata values one after the other.
struct GGUFValueParser {
    let file: MappedFile
    var cursor: ByteCursor
    static let maximumDepth = 8

    init(file: MappedFile, start: Int) {
        self.file = file
        cursor = ByteCursor(file.bytes, file: file.path)
        cursor.skip(to: start)
    }

    mutating func string(_ what: @autoclosure () -> String) throws(StorageError) -> String {
        let place = cursor.position
        let bytes = try stringBytes(what())
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StorageError(.malformed, file: file.path, place: "byte \(place)", "\(what()) is not valid UTF-8")
        }
        return text
    }

    private mutating func stringBytes(_ what: @autoclosure () -> String) throws(StorageError) -> UnsafeRawBufferPointer {
        let length: UInt64 = try cursor.integer("the length of \(what())")
        return try cursor.take(length, what())
    }

    mutating func type(_ key: String) throws(StorageError) -> GGUFValueType {
        let number: UInt32 = try cursor.integer("the type of \(key)")
        guard let type = GGUFValueType(rawValue: number) else {
            throw StorageError(.malformed, file: file.path, place: key, "has a value of the unknown type \(number)")
        }
        return type
    }

    mutating func value(of type: GGUFValueType, key: String, depth: Int = 0) throws(StorageError) -> GGUFValue {
        func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, _ cursor: inout ByteCursor) throws(StorageError) -> GGUFValue {
            let value: T = try cursor.integer(key)
            return if let signed = Int64(exactly: value) { .integer(signed) } else { .unsigned(UInt64(value)) }
        }
        switch type {
        case .uint8: return try integer(UInt8.self, &cursor)
        case .int8: return try integer(Int8.self, &cursor)
        case .uint16: return try integer(UInt16.self, &cursor)
        case .int16: return try integer(Int16.self, &cursor)
        case .uint32: return try integer(UInt32.self, &cursor)
        case .int32: return try integer(Int32.self, &cursor)
        case .uint64: return try integer(UInt64.self, &cursor)
        case .int64: return try integer(Int64.self, &cursor)
        case .float32: return .float(Double(Float(bitPattern: try cursor.integer(key))))
        case .float64: return .float(Double(bitPattern: try cursor.integer(key)))
        case .bool: return .bool(try cursor.integer(key, as: UInt8.self) != 0)
        case .string: return .string(try string(key))
        case .array: return .array(try array(key: key, depth: depth))
        }
    }

    private mutating func array(key: String, depth: Int) throws(StorageError) -> GGUFArray {
        guard depth < Self.maximumDepth else {
            throw StorageError(.unsupported, file: file.path, place: key, "arrays are nested deeper than \(Self.maximumDepth) levels")
        }
        let elementType = try type(key)
        let count: UInt64 = try cursor.integer("the length of \(key)")
        let size = elementType.minimumSize
        guard count <= UInt64(cursor.remaining) / size else {
            throw StorageError(
                .truncated, file: file.path, place: key, "claims \(count) elements, which do not fit into the \(cursor.remaining) bytes that are left")
        }
        let start = cursor.position
        switch elementType {
        case .string: for _ in 0..<count { _ = try stringBytes("an element of \(key)") }
        case .array: for _ in 0..<count { _ = try array(key: key, depth: depth + 1) }
        default: _ = try cursor.take(count * size, key)
        }
        return GGUFArray(elementType: elementType, count: Int(count), range: start..<cursor.position, file: file, key: key)
    }
}
