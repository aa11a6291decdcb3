import Basics

/// Turns a row of one shape into a conversation.
protocol RecordFormat: Sendable {
    /// The fields that are read from a row.
    var fields: Set<String> { get }
    /// Whether a row has the keys of this format.
    func matches(_ row: JSONRow) -> Bool
    /// The conversation in a row, or what is wrong with the row.
    func conversation(from row: JSONRow) throws(RecordError) -> Conversation
    /// The turns of a row that are objects: their keys are looked at as well.
    func turns(in row: JSONRow) -> [JSON]
}

extension RecordFormat {
    func turns(in row: JSONRow) -> [JSON] { [] }
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

    var reader: any RecordFormat {
        switch self {
        case .alpaca: AlpacaFormat()
        case .ultrachat: UltraChatFormat()
        case .messages: MessagesFormat()
        case .sharegpt: ShareGPTFormat()
        case .promptCompletion: PromptCompletionFormat()
        case .text: TextFormat()
        }
    }

    /// The conversation in a row. Throws what is wrong with the row: also keys whose meaning would be lost.
    package func conversation(from row: JSONRow) throws(RecordError) -> Conversation {
        if self != .text { try UnsupportedKeys.check(row) }
        return try reader.conversation(from: row)
    }

    /// All names, for messages.
    package static var names: String { allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ") }
}
