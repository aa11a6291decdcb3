import Basics

/// `{"id", "data": ["user turn", "assistant turn", ...]}`: UltraChat as first released. The user speaks first, then they take turns.
struct UltraChatFormat: RecordFormat {
    let fields: Set<String> = ["data"]

    func matches(_ row: JSONRow) -> Bool { row.hasList("data") }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let data = try row.list("data"), key = row.name(of: "data")
        if data.isEmpty { throw RecordError("\(key) is empty") }
        var turns: [Turn] = []
        turns.reserveCapacity(data.count)
        for (index, value) in data.enumerated() {
            guard let text = value.string else {
                throw RecordError("turn \(index + 1) in \(key) must be a string, not \(value.kind)\(Self.hint(value))")
            }
            turns.append(Turn(index.isMultiple(of: 2) ? .user : .assistant, text))
        }
        return .turns(turns)
    }

    /// A file that is one object with its rows inside looks like a row of this format.
    private static func hint(_ value: JSON) -> String {
        value.members == nil ? "; UltraChat's `data` is a list of texts" : "; if the rows are in `data`, write them one a line: jq -c '.data[]' FILE > rows.jsonl"
    }
}
