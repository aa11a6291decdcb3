/// `{"conversations": [{"from", "value"}, ...]}`: ShareGPT and OpenHermes.
///
/// A turn's `weight` of 0 leaves it out of the loss. `function_call` turns are the assistant's and are trained with the text as written;
/// `observation` turns are what the function gave back and are never trained. The list of functions in `tools` is not shown to the model.
/// A row-level `system` opens the conversation where no system turn does; OpenHermes' other keys are ignored.
struct ShareGPTFormat: RecordFormat {
    func matches(_ row: JSONRow) -> Bool { row.fields["conversations"] is [Any] }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let fields = MessageFields(roleKey: "from", textKey: "value")
        var turns = try fields.turns(try row.array("conversations"), key: "conversations")
        let system = try row.stringIfPresent("system")
        if !system.isEmpty, turns.first?.role != .system { turns.insert(Turn(.system, system), at: 0) }
        return .turns(turns)
    }
}
