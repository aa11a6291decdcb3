import Basics

/// One file of the GGUF format, version 2 or 3, little-endian: metadata, tensor descriptions, then the tensors, each at an
/// aligned offset.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. All counts are compared with the bytes that are left
/// before anything is allocated.
struct GGUFPart: Sendable {
    let path: String
    let version: Int
    let metadata: [String: GGUFValue]
    /// In the order of the file.
    let tensors: [StoredTensor]
    let reader: TensorReader

    static let magic = Array("GGUF".utf8)
    static let maximumDimensions = 4
    /// Of tensors, and of metadata values: each takes more memory than its least size in the file.
    static let maximumCount = 1 << 17

    init(path: String) throws(StorageError) {
        let file = try MappedFile(path: path)
        defer { withExtendedLifetime(file) {} }
        guard file.bytes.prefix(4).elementsEqual(Self.magic) else {
            let reason = MistakenFile.explanation(of: file.bytes, expected: .binary)
            throw StorageError(.malformed, file: path, reason ?? "is not a GGUF file: it does not start with \"GGUF\"")
        }
        var parser = GGUFValueParser(file: file, start: 4)
        version = try Self.version(&parser)
        let tensorCount = try Self.count("tensors", leastSize: 24, &parser)
        let valueCount = try Self.count("metadata values", leastSize: 13, &parser)

        var metadata: [String: GGUFValue] = [:]
        for _ in 0..<valueCount {
            let key = try parser.string("a metadata key")
            let type = try parser.type(key)
            guard metadata.updateValue(try parser.value(of: type, key: key), forKey: key) == nil else {
                throw StorageError(.malformed, file: path, place: key, "appears twice")
            }
        }
        let alignment = try Self.alignment(metadata["general.alignment"], path)

        var descriptions: [Description] = []
        for _ in 0..<tensorCount { descriptions.append(try Description(&parser, alignment: alignment)) }
        guard let dataStart = Self.align(parser.cursor.position, alignment) else {
            throw StorageError(.malformed, file: path, place: "general.alignment", "is too large")
        }
        var tensors: [StoredTensor] = []
        var seen: Set<String> = []
        for description in descriptions {
            guard seen.insert(description.name).inserted else {
                throw StorageError(.malformed, file: path, place: description.name, "appears twice")
            }
            tensors.append(try description.tensor(dataStart: dataStart, file: file))
        }
        self.path = path
        self.metadata = metadata
        self.tensors = tensors
        reader = TensorReader(file: file)
    }

    private static func version(_ parser: inout GGUFValueParser) throws(StorageError) -> Int {
        let version: UInt32 = try parser.cursor.integer("the version")
        if version == 2 || version == 3 { return Int(version) }
        let swapped = version.byteSwapped
        throw StorageError(
            .unsupported, file: parser.file.path,
            swapped == 2 || swapped == 3 || swapped == 1
                ? "is a big-endian GGUF file; only little-endian ones are read"
                : "is a GGUF file of version \(version); versions 2 and 3 are read")
    }

    private static func count(_ what: String, leastSize: Int, _ parser: inout GGUFValueParser) throws(StorageError) -> Int {
        let count: UInt64 = try parser.cursor.integer("the number of \(what)")
        guard count <= UInt64(parser.cursor.remaining / leastSize), count <= maximumCount else {
            throw StorageError(
                .malformed, file: parser.file.path, "claims \(count) \(what), which do not fit into its \(parser.file.bytes.count) bytes, or are more than any model has")
        }
        return Int(count)
    }

    private static func alignment(_ value: GGUFValue?, _ path: String) throws(StorageError) -> Int {
        guard let value else { return 32 }
        guard let alignment = value.int, alignment > 0, alignment <= 1 << 30, alignment & (alignment - 1) == 0 else {
            throw StorageError(.malformed, file: path, place: "general.alignment", "must be a power of two")
        }
        return alignment
    }

    private static func align(_ position: Int, _ alignment: Int) -> Int? {
        let (sum, overflow) = position.addingReportingOverflow(alignment - 1)
        return overflow ? nil : sum & ~(alignment - 1)
    }

    /// A tensor as described in the header, before its bytes are located.
    private struct Description {
        let name: String
        let shape: [Int]
        let type: ElementType
        let offset: UInt64

        init(_ parser: inout GGUFValueParser, alignment: Int) throws(StorageError) {
            let path = parser.file.path
            let name = try parser.string("a tensor's name")
            let rank: UInt32 = try parser.cursor.integer("the rank of \(name)")
            guard rank <= GGUFPart.maximumDimensions else {
                throw StorageError(.malformed, file: path, place: name, "has \(rank) dimensions; at most \(GGUFPart.maximumDimensions) exist")
            }
            var shape: [Int] = []
            for _ in 0..<rank {
                guard let size = Int(exactly: try parser.cursor.integer("the shape of \(name)", as: UInt64.self)) else {
                    throw StorageError(.malformed, file: path, place: name, "has an absurdly large dimension")
                }
                shape.append(size)
            }
            let number: UInt32 = try parser.cursor.integer("the type of \(name)")
            guard let type = ElementType.ggml[number] else {
                let kind = ElementType.formerGGML[number].map { "is stored as \($0), which the format has given up" } ?? "has the unknown type \(number)"
                throw StorageError(.unsupported, file: path, place: name, "\(kind); take the model in another type (\(ElementType.readable))")
            }
            offset = try parser.cursor.integer("the offset of \(name)")
            guard offset % UInt64(alignment) == 0 else {
                throw StorageError(.malformed, file: path, place: name, "starts at the offset \(offset), which is not a multiple of \(alignment)")
            }
            // The file's first dimension is the innermost one, which must fill whole blocks.
            guard (shape.first ?? 1) % type.elementsPerBlock == 0 else {
                throw StorageError(.malformed, file: path, place: name, "rows of \(shape.first ?? 1) elements do not fill blocks of \(type.elementsPerBlock) (\(type))")
            }
            self.name = name
            self.shape = shape.reversed()
            self.type = type
        }

        func tensor(dataStart: Int, file: MappedFile) throws(StorageError) -> StoredTensor {
            guard let elements = StoredTensor.elementCount(shape), let bytes = type.byteCount(elements: elements) else {
                throw StorageError(.malformed, file: file.path, place: name, "has an absurd shape, \(shape)")
            }
            let available = UInt64(max(0, file.bytes.count - dataStart))
            guard offset <= available, UInt64(bytes) <= available - offset else {
                throw StorageError(
                    .truncated, file: file.path, place: name,
                    "its \(bytes) bytes at the offset \(offset) end after the file does; it was not fully downloaded")
            }
            let start = dataStart + Int(offset)
            return StoredTensor(name: name, type: type, shape: shape, elementCount: elements, range: start..<start + bytes)
        }
    }
}
