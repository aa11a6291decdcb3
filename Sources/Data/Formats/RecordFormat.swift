/// Turns a row of one shape into a conversation.
package protocol RecordFormat: Sendable {
    /// Whether a row has the keys of this format.
    func matches(_ row: JSONRow) -> Bool
    /// The conversation in a row, or what is wrong with the row.
    func conversation(from row: JSONRow) throws(RecordError) -> Conversation
}

/// The formats that are read: a closed set.
package enum DataFormat: String, Sendable, Codable, CaseIterable {
    case alpaca, ultrachat, messages, sharegpt
    case promptCompletion = "prompt_completion"
    case text

    /// The format of that name; takes the names of the data sets too.
    package init?(name: String) {
        switch name.lowercased().replacing("-", with: "_") {
        case "alpaca", "dolly": self = .alpaca
        case "ultrachat", "ultrachat_raw": self = .ultrachat
        case "messages", "chat", "openai", "ultrachat_200k": self = .messages
        case "sharegpt", "openhermes", "conversations": self = .sharegpt
        case "prompt_completion", "completion", "completions": self = .promptCompletion
        case "text", "plain_text": self = .text
        default: return nil
        }
    }

    package var reader: any RecordFormat {
        switch self {
        case .alpaca: AlpacaFormat()
        case .ultrachat: UltraChatFormat()
        case .messages: MessagesFormat()
        case .sharegpt: ShareGPTFormat()
        case .promptCompletion: PromptCompletionFormat()
        case .text: TextFormat()
        }
    }

    /// All names, for messages.
    package static var names: String { allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ") }
}

/// One message out of a list of turns: the shared part of the formats whose turns are objects.
struct MessageFields {
    let roleKey: String
    let textKey: String

    func turn(_ value: Any, number: Int) throws(RecordError) -> Turn {
        guard let fields = value as? [String: Any] else {
            throw RecordError("turn \(number) must be an object, not \(JSONRow.typeName(value))")
        }
        let message = JSONRow(fields: fields)
        do throws(RecordError) {
            let name = try message.string(roleKey)
            guard let role = Role(alias: name) else {
                throw RecordError("`\(roleKey)` \"\(name)\" is not a known role; known are \(Role.known)")
            }
            return Turn(role, try message.string(textKey), trained: try trained(message))
        } catch {
            throw RecordError("turn \(number): \(error.description)")
        }
    }

    /// `weight`: 1, null or missing trains the turn, 0 does not.
    private func trained(_ message: JSONRow) throws(RecordError) -> Bool {
        guard message.has("weight"), let value = message.fields["weight"] else { return true }
        switch value as? Double {
        case 0: return false
        case 1: return true
        default: throw RecordError("`weight` must be 0, 1 or null")
        }
    }

    func turns(_ values: [Any], key: String) throws(RecordError) -> [Turn] {
        var turns: [Turn] = []
        turns.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            turns.append(try turn(value, number: index + 1))
        }
        if turns.isEmpty { throw RecordError("`\(key)` is empty") }
        return turns
    }
}
