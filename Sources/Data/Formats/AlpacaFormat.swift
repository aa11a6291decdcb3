import Basics

/// `{"instruction", "input", "output"}`: Stanford Alpaca and its relatives; also Dolly's `{"instruction", "context", "response"}`. Either name of a field
/// goes with either of the other's.
///
/// `input` may be missing, null or empty; a non-empty one stays apart as the turn's context. `history`, a list of pairs of a question and
/// its answer, gives rounds before the row's own; their answers are trained like any other.
struct AlpacaFormat: RecordFormat {
    let fields: Set<String> = ["instruction", "input", "output", "context", "response", "system", "history"]

    func matches(_ row: JSONRow) -> Bool { row.has("instruction") && (row.has("output") || row.has("response")) }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        let instruction = try row.string("instruction")
        let input = try row.stringIfPresent(row.field(among: ["input", "context"]))
        let output = try row.string(row.field(among: ["output", "response"]))
        var turns: [Turn] = []
        let system = try row.stringIfPresent("system")
        if !system.isEmpty { turns.append(Turn(.system, system)) }
        if row.has("history") { turns += try earlierRounds(try row.list("history"), key: row.name(of: "history")) }
        turns.append(Turn(.user, instruction, context: input))
        turns.append(Turn(.assistant, output))
        return .turns(turns)
    }

    private func earlierRounds(_ rounds: [JSON], key: String) throws(RecordError) -> [Turn] {
        var turns: [Turn] = []
        for (index, round) in rounds.enumerated() {
            guard let pair = round.elements, pair.count == 2, let question = pair[0].string, let answer = pair[1].string else {
                throw RecordError("round \(index + 1) in \(key) must be a list of two texts, the question and its answer")
            }
            turns += [Turn(.user, question), Turn(.assistant, answer)]
        }
        return turns
    }
}
