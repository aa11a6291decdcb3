import Basics
import HealData

/// `{"prompt": "question", "completion": "answer"}`: by each field of a format the column that holds it.
extension ColumnNames: SettingValue {
    package static var expectation: String { "a group { \"field\": \"column\", ... }" }
    package var json: JSON { .object(byField.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }) }

    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> ColumnNames? {
        guard let members = json.members else {
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
        let issuesBefore = reader.issues.count
        var names = ColumnNames()
        for member in members {
            if let complaint = complaint(about: member.key) { reader.report(complaint, key: "\(key).\(member.key)", at: member.position) }
            guard let column = String.read(member.value, key: "\(key).\(member.key)", reader: &reader) else { continue }
            if let other = names.byField.first(where: { $0.value == column })?.key {
                reader.report("takes \"\(column)\", which \"\(other)\" takes already", key: "\(key).\(member.key)", at: member.value.position)
            }
            names.byField[member.key] = column
        }
        return reader.issues.count == issuesBefore ? names : nil
    }

    private static func complaint(about field: String) -> String? {
        if fields.contains(field) { return nil }
        let hint = hints[field] ?? NearestName.of(field, among: fields).map { "; did you mean \"\($0)\"?" } ?? ""
        return "is no field of any format\(hint); the fields are \(fields.joined(separator: ", "))"
    }

    /// Words of other programs for the same.
    private static let hints = [
        "query": "; did you mean \"input\"?", "response": "; did you mean \"completion\" (of a \"prompt\") or \"output\" (of an \"instruction\")?",
        "question": "; the field comes first: {\"prompt\": \"question\"}", "answer": "; the field comes first: {\"completion\": \"answer\"}",
        "role_tag": "; did you mean \"role\" or \"from\"?", "content_tag": "; did you mean \"content\" or \"value\"?",
    ]
}
