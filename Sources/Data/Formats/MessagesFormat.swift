/// `{"messages": [{"role", "content"}, ...]}`: UltraChat-200k and the OpenAI shape. Further keys, such as `prompt`, are ignored.
struct MessagesFormat: RecordFormat {
    func matches(_ row: JSONRow) -> Bool { row.fields["messages"] is [Any] }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let fields = MessageFields(roleKey: "role", textKey: "content")
        return .turns(try fields.turns(try row.array("messages"), key: "messages"))
    }
}
