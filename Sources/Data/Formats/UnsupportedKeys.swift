import Basics

/// Keys that change what a row means and that are not supported: a row that has one is refused by name, not read without it.
enum UnsupportedKeys {
    private static let media: Set<String> = ["image", "images", "audio", "audios", "video", "videos"]
    /// Of a row and of a turn.
    private static let reasons: [String: String] = [
        "documents": "documents are not given to the chat template; put their text into the conversation",
        "chat_template_kwargs": "arguments of the chat template are not taken from rows",
        "train_detail": "parts of a turn cannot be taken out of the loss; use `train`, or cut the turn in two",
        "refusal": "put the words of a refusal into `content`",
    ]
    private static let verdicts: Set<String> = ["label", "kto_tag"]

    static func check(_ row: JSONRow) throws(RecordError) {
        for member in row.members where member.value.saysSomething && row.columns.field(of: member.key) == member.key {
            try check(member)
            if verdicts.contains(member.key), case .bool(false) = member.value.value {
                throw RecordError("`\(member.key)` is false: the answer is there as a bad one; training on what is not wanted is not supported, leave such rows out")
            }
        }
    }

    static func check(turn: JSONRow) throws(RecordError) {
        for member in turn.members where member.value.saysSomething { try check(member) }
    }

    private static func check(_ member: JSON.Member) throws(RecordError) {
        if media.contains(member.key) { throw RecordError("`\(member.key)` is not supported: models are trained on text alone; leave such rows out") }
        if let reason = reasons[member.key] { throw RecordError("`\(member.key)` is not supported: \(reason)") }
    }
}
