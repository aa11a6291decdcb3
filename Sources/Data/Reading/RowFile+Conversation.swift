extension RowFile {
    /// The conversation in a row of a file with that format. Throws a `RecordError` for a row that is not as it should be.
    package func conversation(ofRow row: Int, format: DataFormat, columns: ColumnNames = ColumnNames()) throws -> Conversation {
        if layout == .text { return try text(ofRow: row) }
        return try format.conversation(from: try JSONRow(parsing: try bytes(ofRow: row), columns: columns))
    }

    /// The conversation, and the keys of the row that say something nobody reads.
    package func reading(ofRow row: Int, format: DataFormat, columns: ColumnNames = ColumnNames()) throws -> (conversation: Conversation, unreadKeys: [String]) {
        if layout == .text { return (try text(ofRow: row), []) }
        let parsed = try JSONRow(parsing: try bytes(ofRow: row), columns: columns)
        return (try format.conversation(from: parsed), UnreadKeys.of(parsed, format: format))
    }

    private func text(ofRow row: Int) throws -> Conversation {
        let bytes = try bytes(ofRow: row)
        try requireUTF8(bytes)
        return .text(String(decoding: bytes, as: UTF8.self), endsDocument: isLast(row))
    }
}
