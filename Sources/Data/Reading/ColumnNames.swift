/// Which columns of a file stand for the fields of its format, where they have other names.
package struct ColumnNames: Sendable, Equatable, Codable {
    /// The column by the field.
    package var byField: [String: String]

    package init(_ byField: [String: String] = [:]) { self.byField = byField }

    /// Fields of a row, then those of a turn.
    package static let fields = [
        "instruction", "input", "output", "system", "history", "prompt", "completion", "text", "data", "messages", "conversations", "tools",
        "role", "content", "from", "value", "tool_calls", "reasoning_content", "weight",
    ]

    func column(of field: String) -> String { byField.isEmpty ? field : byField[field] ?? field }

    /// What a column stands for; nil for one whose name is that of a field that has another column.
    func field(of column: String) -> String? {
        if byField.isEmpty { return column }
        if let field = byField.first(where: { $0.value == column })?.key { return field }
        return byField[column] == nil ? column : nil
    }

    /// A field with its column, for messages.
    func name(of field: String) -> String {
        let column = column(of: field)
        return column == field ? "`\(field)`" : "`\(column)` (the column for `\(field)`)"
    }
}
