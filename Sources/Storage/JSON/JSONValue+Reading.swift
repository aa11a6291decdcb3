import Basics

extension JSONValue {
    /// Parses one JSON document (RFC 8259; `NaN` and `Infinity`, which Python writes, are taken too).
    ///
    /// Errors name line and column. A key that appears twice in an object is an error: readers differ in which they take.
    package static func parse(_ bytes: UnsafeRawBufferPointer, file: String) throws(StorageError) -> JSONValue {
        do {
            return JSONValue(try JSONParser.parse(Array(bytes), takesNonFinite: true))
        } catch {
            throw StorageError(
                .malformed, file: file, place: "line \(error.position.line), column \(error.position.column)", "not valid JSON: \(error.message)")
        }
    }

    /// Reads and parses the file at `path`.
    package static func read(_ path: String) throws(StorageError) -> JSONValue {
        try MappedFile(path: path).withBytes { (bytes) throws(StorageError) in
            if let reason = MistakenFile.explanation(of: bytes, expected: .text) { throw StorageError(.malformed, file: path, reason) }
            return try parse(bytes, file: path)
        }
    }

    package static func parse(_ text: String, file: String = "text") throws(StorageError) -> JSONValue {
        let bytes = Array(text.utf8)
        return try bytes.withRawBytes { (raw) throws(StorageError) in try parse(raw, file: file) }
    }
}
