/// `{"text"}`: every token is trained. Also what a `.txt` file's blocks become.
struct TextFormat: RecordFormat {
    func matches(_ row: JSONRow) -> Bool { row.fields["text"] is String }

    func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        .text(try row.string("text"), endsDocument: true)
    }
}
