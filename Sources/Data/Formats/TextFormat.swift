/// `{"text"}`: every token is trained. Also what a `.txt` file's blocks become.
struct TextFormat: RecordFormat {
    let fields: Set<String> = ["text"]

    func matches(_ row: JSONRow) -> Bool { row.hasString("text") }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        .text(try row.string("text"), endsDocument: true)
    }
}
