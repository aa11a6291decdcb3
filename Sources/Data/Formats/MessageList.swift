import Basics

/// A list of turns that are objects: the shared part of the formats that have one.
struct MessageList {
    /// The keys that hold who speaks and what is said, the usual ones first. The name of the list does not tell which of them its turns use.
    let roleKeys: [String]
    let textKeys: [String]

    /// The row's conversation: the turns at `key`, after a `system` beside them, with the functions of the row.
    func conversation(from row: JSONRow, key: String) throws(RecordError) -> Conversation {
        let turns = try turns(of: row, key: key)
        return .turns(try Self.opening(turns, with: try row.stringIfPresent("system")), tools: try ToolFields.tools(of: row))
    }

    func turns(of row: JSONRow, key: String) throws(RecordError) -> [Turn] {
        let values = try row.list(key)
        var turns: [Turn] = []
        turns.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard let members = value.members else { throw RecordError("turn \(index + 1) must be an object, not \(value.kind)") }
            do throws(RecordError) {
                turns.append(try turn(JSONRow(members, columns: row.columns)))
            } catch {
                throw RecordError("turn \(index + 1): \(error.description)")
            }
        }
        if turns.isEmpty { throw RecordError("\(row.name(of: key)) is empty") }
        return turns
    }

    private func turn(_ message: JSONRow) throws(RecordError) -> Turn {
        try UnsupportedKeys.check(turn: message)
        let roleKey = try message.field(among: roleKeys), name = try message.string(roleKey)
        guard let role = Role(alias: name) else {
            throw RecordError("\(message.name(of: roleKey)) \"\(name.shortened)\" is not a known role; known are \(Role.known)")
        }
        let calls = try ToolFields.calls(of: message), textKey = try message.field(among: textKeys)
        // A turn that only calls a function has no words: interfaces write null, or leave the key out.
        let text = calls.isEmpty || message.has(textKey) ? try MessageText.text(of: message, key: textKey) : ""
        let fields = try ToolFields.fields(of: message, role: role, text: text, calls: calls)
        return Turn(role, text, fields: .object(fields), trained: try LossFlags.trained(message))
    }

    /// The turns after a system text that stands beside them.
    static func opening(_ turns: [Turn], with system: String) throws(RecordError) -> [Turn] {
        guard !system.isEmpty else { return turns }
        guard let first = turns.first, first.role == .system else { return [Turn(.system, system)] + turns }
        guard first.text == system else { throw RecordError("both `system` and a system turn, and they differ; keep one of them") }
        return turns
    }
}

extension String {
    /// Enough of it for a message.
    var shortened: String { unicodeScalars.count > 40 ? String(prefix(40)) + "..." : self }
}
