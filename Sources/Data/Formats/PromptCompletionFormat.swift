/// `{"prompt", "completion"}`, both strings. A chat template makes them a user's and an assistant's turn; `plain` joins them as they are.
struct PromptCompletionFormat: RecordFormat {
    func matches(_ row: JSONRow) -> Bool { row.has("prompt") && row.has("completion") }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        .completion(prompt: try row.string("prompt"), completion: try row.string("completion"))
    }
}
