import Basics

/// Who speaks.
package enum Role: String, Sendable, Codable {
    case system, user, assistant
    /// The assistant asking for a function; trained like any other answer.
    case toolCall = "tool_call"
    /// What the function gave back; never trained.
    case tool

    /// Whether the model itself writes turns of this role.
    package var isAssistant: Bool { self == .assistant || self == .toolCall }

    /// The role that a data set's word for it means, or nil: `human`, `gpt` and their like.
    package init?(alias: String) {
        switch alias.lowercased() {
        case "system", "developer": self = .system
        case "user", "human", "prompter": self = .user
        case "assistant", "gpt", "chatgpt", "bot", "model": self = .assistant
        case "function_call", "tool_call": self = .toolCall
        case "tool", "observation", "function", "function_response", "tool_response", "ipython": self = .tool
        default: return nil
        }
    }

    /// For error messages.
    static let known = "system, user (human), assistant (gpt, chatgpt), function_call, tool (observation)"
}

/// One turn of a conversation.
package struct Turn: Sendable, Equatable {
    package var role: Role
    package var text: String
    /// Material beside the text, Alpaca's `input`: a section of its own in Alpaca's prompt, a paragraph elsewhere.
    package var context: String
    /// What the message holds beside role and content, by the keys of the chat interface (`tool_calls`, `tool_call_id`, `name`,
    /// `reasoning_content`): an object. Calls have the form `{"type": "function", "function": {"name", "arguments"}}`, their arguments an
    /// object wherever the row's are JSON; a turn of the role `toolCall` whose text is such a call has it here, too.
    package var fields: JSON
    /// Whether the turn's tokens count in the loss. Only turns of the assistant are ever trained.
    package var trained: Bool

    package init(_ role: Role, _ text: String, context: String = "", fields: JSON = .object([]), trained: Bool? = nil) {
        self.role = role
        self.text = text
        self.context = context
        self.fields = fields
        self.trained = role.isAssistant && (trained ?? true)
    }

    /// The text with its context as a further paragraph.
    package var fullText: String { context.isEmpty ? text : text + "\n\n" + context }
}

/// What one row of a data set says.
package enum Conversation: Sendable, Equatable {
    /// Turns, and the functions that the assistant may call in them (the chat interface's `tools`).
    case turns([Turn], tools: [JSON] = [])
    /// A prompt and what follows it directly. Chat templates treat the two as a user's and an assistant's turn.
    case completion(prompt: String, completion: String)
    /// Text to be learned as a whole; `endsDocument` is false for a piece that more of the same document follows.
    case text(String, endsDocument: Bool)

    /// The conversation as turns; nil for plain text.
    package var turns: [Turn]? {
        switch self {
        case .turns(let turns, _): turns
        case .completion(let prompt, let completion): [Turn(.user, prompt), Turn(.assistant, completion)]
        case .text: nil
        }
    }

    /// The functions that the assistant may call.
    package var tools: [JSON] {
        if case .turns(_, let tools) = self { tools } else { [] }
    }

    /// A hash of everything that is said, the same for equal conversations from different files.
    package var contentHash: UInt64 {
        var hash = ContentHash()
        switch self {
        case .text(let text, _):
            hash.combine(text)
        case .turns, .completion:
            for turn in turns ?? [] {
                hash.combine(turn.role.rawValue)
                hash.combine(turn.fullText)
                if turn.fields.members?.isEmpty == false { hash.combine(turn.fields.text()) }
            }
            for tool in tools { hash.combine(tool.text()) }
        }
        return hash.value
    }
}
