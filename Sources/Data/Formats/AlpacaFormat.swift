/// `{"instruction", "input", "output"}`: Stanford Alpaca, Dolly in its shape, and their relatives. Further keys are ignored.
///
/// `input` may be missing, null or empty; a non-empty one stays apart as the turn's context.
struct AlpacaFormat: RecordFormat {
    func matches(_ row: JSONRow) -> Bool { row.has("instruction") && row.has("output") }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let instruction = try row.string("instruction")
        let input = try row.stringIfPresent("input")
        let output = try row.string("output")
        var turns: [Turn] = []
        let system = try row.stringIfPresent("system")
        if !system.isEmpty { turns.append(Turn(.system, system)) }
        turns.append(Turn(.user, instruction, context: input))
        turns.append(Turn(.assistant, output))
        return .turns(turns)
    }
}
