import Basics

/// `{"messages": [{"role", "content"}, ...]}`: UltraChat-200k and the OpenAI shape, with `tools` and what else the chat interface has.
struct MessagesFormat: RecordFormat {
    let fields: Set<String> = ["messages", "system", "tools", "functions"]

    func matches(_ row: JSONRow) -> Bool { row.hasList("messages") }
    func turns(in row: JSONRow) -> [JSON] { row["messages"]?.elements ?? [] }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        try MessageList(roleKeys: ["role", "from"], textKeys: ["content", "value"]).conversation(from: row, key: "messages")
    }
}
