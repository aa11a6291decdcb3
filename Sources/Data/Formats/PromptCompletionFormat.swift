import Basics

/// `{"prompt", "completion"}`: two strings, or two lists of messages.
///
/// A chat template makes strings a user's and an assistant's turn; `plain` joins them as they are. Of lists, the completion's turns are
/// trained and the prompt's are not, whoever speaks there.
struct PromptCompletionFormat: RecordFormat {
    let fields: Set<String> = ["prompt", "completion", "system", "tools", "functions"]

    func matches(_ row: JSONRow) -> Bool { row.has("prompt") && row.has("completion") }
    func turns(in row: JSONRow) -> [JSON] { (row["prompt"]?.elements ?? []) + (row["completion"]?.elements ?? []) }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let tools = try ToolFields.tools(of: row), system = try row.stringIfPresent("system")
        if !row.hasList("prompt"), !row.hasList("completion"), tools.isEmpty, system.isEmpty {
            return .completion(prompt: try row.string("prompt"), completion: try row.string("completion"))
        }
        var prompt = try turns("prompt", of: row, as: .user)
        for index in prompt.indices { prompt[index].trained = false }
        let completion = try turns("completion", of: row, as: .assistant)
        return .turns(try MessageList.opening(prompt + completion, with: system), tools: tools)
    }

    private func turns(_ field: String, of row: JSONRow, as role: Role) throws(RecordError) -> [Turn] {
        guard row.hasList(field) else { return [Turn(role, try row.string(field))] }
        return try MessageList(roleKeys: ["role", "from"], textKeys: ["content", "value"]).turns(of: row, key: field)
    }
}
