import Basics

/// One `.safetensors` file: eight bytes of header length, a JSON header, then the tensors without gaps.
///
/// Format: https://github.com/huggingface/safetensors#format. Everything the header claims is checked when the file is
/// opened; afterwards every tensor's byte range is known to lie inside the file and to overlap no other.
package struct SafetensorsFile: Sendable {
    package let path: String
    /// The header's `__metadata__`.
    package let metadata: [String: String]
    /// In the order of the bytes.
    package let tensors: [StoredTensor]
    let reader: TensorReader

    /// The reference implementation's limit.
    static let maximumHeader = 100_000_000

    package init(path: String) throws(StorageError) {
        let file = try MappedFile(path: path)
        defer { withExtendedLifetime(file) {} }
        if file.count < 9 || file.bytes[8] != UInt8(ascii: "{"), let reason = MistakenFile.explanation(of: file.bytes, expected: .binary) {
            throw StorageError(.malformed, file: path, reason)
        }
        var cursor = ByteCursor(file.bytes, file: path)
        let length: UInt64 = try cursor.integer("the header's length")
        guard length <= Self.maximumHeader else {
            throw StorageError(.malformed, file: path, "is not a safetensors file: its header would take \(length) bytes")
        }
        let header = try cursor.take(length, "the header")
        guard header.first == UInt8(ascii: "{") else {
            throw StorageError(.malformed, file: path, "is not a safetensors file: its header is not a JSON object")
        }
        let entries = try JSONValue.parse(header, file: path).object ?? [:]
        let parser = EntryParser(path: path, dataStart: cursor.position, dataCount: cursor.remaining)

        self.path = path
        reader = TensorReader(file: file)
        metadata = try parser.metadata(entries["__metadata__"])
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(entries.count)
        for (name, entry) in entries where name != "__metadata__" { tensors.append(try parser.tensor(name, entry)) }
        tensors.sort { ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name) }
        try parser.checkCoverage(tensors)
        self.tensors = tensors
    }

    private struct EntryParser {
        let path: String
        let dataStart: Int
        let dataCount: Int

        func malformed(_ place: String, _ message: String) -> StorageError {
            StorageError(.malformed, file: path, place: place, message)
        }

        func metadata(_ value: JSONValue?) throws(StorageError) -> [String: String] {
            guard let value else { return [:] }
            guard let members = value.object else { throw malformed("__metadata__", "must be an object of strings") }
            var metadata: [String: String] = [:]
            for (key, value) in members {
                guard let text = value.string else { throw malformed("__metadata__", "\"\(key)\" must be a string") }
                metadata[key] = text
            }
            return metadata
        }

        func tensor(_ name: String, _ entry: JSONValue) throws(StorageError) -> StoredTensor {
            guard let dtype = entry["dtype"]?.string else { throw malformed(name, "has no \"dtype\"") }
            guard let type = ElementType.safetensors[dtype] else {
                throw StorageError(.unsupported, file: path, place: name, "has the unknown dtype \"\(dtype)\"")
            }
            guard let dimensions = entry["shape"]?.array else { throw malformed(name, "has no \"shape\"") }
            var shape: [Int] = []
            for dimension in dimensions {
                guard case .int(let size) = dimension, size >= 0 else { throw malformed(name, "\"shape\" must hold whole numbers") }
                shape.append(size)
            }
            guard let offsets = entry["data_offsets"]?.array, offsets.count == 2,
                case .int(let start) = offsets[0], case .int(let end) = offsets[1], 0 <= start, start <= end
            else { throw malformed(name, "\"data_offsets\" must be two ascending whole numbers") }
            guard end <= dataCount else {
                throw StorageError(
                    .truncated, file: path, place: name,
                    "ends at byte \(end) of the data, but the file holds only \(dataCount); it was not fully downloaded")
            }
            guard let elements = StoredTensor.elementCount(shape), let bytes = type.byteCount(elements: elements), bytes == end - start
            else { throw malformed(name, "shape \(shape) of \(dtype) does not fill the \(end - start) bytes of its data_offsets") }
            return StoredTensor(
                name: name, type: type, shape: shape, elementCount: elements, range: dataStart + start..<dataStart + end)
        }

        /// The format demands that tensors follow each other without gaps and fill the file.
        func checkCoverage(_ tensors: [StoredTensor]) throws(StorageError) {
            var end = dataStart
            for tensor in tensors {
                guard tensor.range.lowerBound >= end else { throw malformed(tensor.name, "overlaps another tensor") }
                guard tensor.range.lowerBound == end else {
                    throw malformed(tensor.name, "leaves \(tensor.range.lowerBound - end) unused bytes before it")
                }
                end = tensor.range.upperBound
            }
            guard end == dataStart + dataCount else {
                throw StorageError(.malformed, file: path, "\(dataStart + dataCount - end) bytes at its end belong to no tensor")
            }
        }
    }
}
