/// `{"id", "data": ["user turn", "assistant turn", ...]}`: UltraChat as first released. The user speaks first, then they take turns.
struct UltraChatFormat: RecordFormat {
    func matches(_ row: JSONRow) -> Bool { row.fields["data"] is [Any] }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let data = try row.array("data")
        if data.isEmpty { throw RecordError("`data` is empty") }
        var turns: [Turn] = []
        turns.reserveCapacity(data.count)
        for (index, value) in data.enumerated() {
            guard let text = value as? String else {
                throw RecordError("turn \(index + 1) in `data` must be a string, not \(JSONRow.typeName(value))")
            }
            turns.append(Turn(index.isMultiple(of: 2) ? .user : .assistant, text))
        }
        return .turns(turns)
    }
}
