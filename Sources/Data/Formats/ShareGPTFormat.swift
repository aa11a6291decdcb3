import Basics

/// `{"conversations": [{"from", "value"}, ...]}`: ShareGPT and OpenHermes.
///
/// `function_call` turns are the assistant's; `observation` turns are what the function gave back and are never trained.
struct ShareGPTFormat: RecordFormat {
    let fields: Set<String> = ["conversations", "system", "tools", "functions"]

    func matches(_ row: JSONRow) -> Bool { row.hasList("conversations") }
    func turns(in row: JSONRow) -> [JSON] { row["conversations"]?.elements ?? [] }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        try MessageList(roleKeys: ["from", "role"], textKeys: ["value", "content"]).conversation(from: row, key: "conversations")
    }
}
