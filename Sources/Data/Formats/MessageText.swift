import Basics

/// What a turn says: a string, or a list of parts whose texts are joined.
enum MessageText {
    static func text(of message: JSONRow, key: String) throws(RecordError) -> String {
        guard let parts = message[key]?.elements else { return try message.string(key) }
        var text = ""
        for (index, part) in parts.enumerated() {
            text += try Self.text(ofPart: part, "part \(index + 1) of \(message.name(of: key))")
        }
        return text
    }

    private static let known: Set<String> = ["type", "text", "annotations", "cache_control", "citations", "id"]

    private static func text(ofPart part: JSON, _ place: String) throws(RecordError) -> String {
        if let text = part.string { return text }
        guard part.members != nil else { throw RecordError("\(place) must be an object, not \(part.kind)") }
        let type = part["type"]?.string ?? "text"
        guard ["text", "input_text", "output_text"].contains(type) else {
            throw RecordError("\(place) is of type \"\(type.shortened)\"; only parts of type \"text\" are read")
        }
        // A part may hold more than its words; what is not read must not be lost.
        if let other = part.members?.first(where: { !known.contains($0.key) && $0.value.saysSomething }) {
            throw RecordError("\(place) has `\(other.key.shortened)`, which is not read; remove it, or leave the row out")
        }
        guard let text = part["text"]?.string else { throw RecordError("\(place) has no text at `text`") }
        return text
    }
}
