extension RowFile {
    /// The conversation in a row of a file with that format. Throws a `RecordError` for a row that is not as it should be.
    package func conversation(ofRow row: Int, format: DataFormat) throws -> Conversation {
        let bytes = try bytes(ofRow: row)
        if layout == .text {
            try requireUTF8(bytes)
            return .text(String(decoding: bytes, as: UTF8.self), endsDocument: isLast(row))
        }
        return try format.reader.conversation(from: try JSONRow(parsing: bytes))
    }
}
