import Basics

/// What rows say about functions, brought under the names of the chat interface: `tools` of a conversation, `tool_calls` of a turn.
enum ToolFields {
    /// The keys of a turn that become fields, or take part in them.
    static let keys: Set<String> = [
        "tool_calls", "function_call", "tool_call_id", "name", "reasoning_content", "reasoning", "thinking",
    ]

    /// The functions of a row: `tools`, a list or a text that holds one as JSON, or the older `functions`.
    static func tools(of row: JSONRow) throws(RecordError) -> [JSON] {
        var tools: [JSON] = []
        for key in ["tools", "functions"] {
            for tool in try list(row[key], row.name(of: key)) { tools.append(try wrapped(tool, row.name(of: key))) }
        }
        return tools
    }

    /// The calls of a turn: `tool_calls`, or the older `function_call`.
    static func calls(of message: JSONRow) throws(RecordError) -> [JSON] {
        var calls = try list(message["tool_calls"], message.name(of: "tool_calls"))
        if let call = message["function_call"], call.saysSomething {
            guard calls.isEmpty else { throw RecordError("both `tool_calls` and `function_call`; keep one of them") }
            calls = [call]
        }
        var finished: [JSON] = []
        for call in calls { finished.append(try withReadArguments(try wrapped(call, "a call of a function"))) }
        return finished
    }

    /// What a turn holds beside role and content, in the chat interface's words.
    static func fields(of message: JSONRow, role: Role, text: String, calls: [JSON]) throws(RecordError) -> [(String, JSON)] {
        var fields: [(String, JSON)] = []
        let calls = calls.isEmpty && role == .toolCall ? try written(in: text) : calls
        if !calls.isEmpty { fields.append(("tool_calls", JSON(.array(calls)))) }
        for key in ["tool_call_id", "name"] {
            let value = try message.stringIfPresent(key)
            if !value.isEmpty { fields.append((key, JSON(.string(value)))) }
        }
        if let reasoning = try reasoning(of: message) { fields.append(("reasoning_content", JSON(.string(reasoning)))) }
        return fields
    }

    /// The thoughts before an answer, whichever of its names they have.
    private static func reasoning(of message: JSONRow) throws(RecordError) -> String? {
        var reasoning: String?
        for key in ["reasoning_content", "reasoning", "thinking"] {
            let text = try message.stringIfPresent(key)
            if text.isEmpty { continue }
            guard reasoning == nil || reasoning == text else { throw RecordError("the turn's reasoning is given twice, and differs; keep one") }
            reasoning = text
        }
        return reasoning
    }

    /// Calls that are the very text of a turn, as ShareGPT's `function_call` turns hold them; none where the text is something else.
    private static func written(in text: String) throws(RecordError) -> [JSON] {
        guard let json = try? JSONParser.parseRow(Array(text.utf8)) else { return [] }
        let calls = json.elements ?? [json]
        guard !calls.isEmpty, calls.allSatisfy({ $0["name"]?.string != nil && $0["arguments"] != nil }) else { return [] }
        var finished: [JSON] = []
        for call in calls { finished.append(try withReadArguments(try wrapped(call, "a call of a function"))) }
        return finished
    }

    /// A list, or a text that holds one; some data sets keep each element as a text again.
    private static func list(_ value: JSON?, _ name: String) throws(RecordError) -> [JSON] {
        guard let value, value.saysSomething else { return [] }
        let json = try read(value, name)
        guard let elements = json.elements else { throw RecordError("\(name) must be a list, not \(json.kind)") }
        var read: [JSON] = []
        for element in elements { read.append(try Self.read(element, "an element of \(name)")) }
        return read
    }

    private static func read(_ value: JSON, _ name: String) throws(RecordError) -> JSON {
        guard let text = value.string else { return value }
        do throws(JSONIssue) {
            return try JSONParser.parseRow(Array(text.utf8))
        } catch {
            throw RecordError("\(name) is a text that is not valid JSON at column \(error.position.column): \(error.message)")
        }
    }

    /// `{"type": "function", "function": {...}}`, around a function that stands bare.
    private static func wrapped(_ function: JSON, _ name: String) throws(RecordError) -> JSON {
        guard function.members != nil else { throw RecordError("\(name) must be an object, not \(function.kind)") }
        try requireExactNumbers(function, name)
        if function["function"] != nil || function["name"]?.string == nil { return function }
        if let type = function["type"], type.string != "function" { return function }
        return .object([("type", "function"), ("function", function)])
    }

    /// Interfaces give the arguments as an object or as a text that holds one; chat templates are written for the object.
    private static func withReadArguments(_ call: JSON) throws(RecordError) -> JSON {
        guard let text = call["function"]?["arguments"]?.string, let arguments = try? JSONParser.parseRow(Array(text.utf8)), arguments.members != nil
        else { return call }
        try requireExactNumbers(arguments, "a call of a function")
        return call.replacing("function", with: call["function"]!.replacing("arguments", with: arguments))
    }

    /// Numbers are written again by the chat template: what cannot be written as it stood must not change in silence.
    private static func requireExactNumbers(_ json: JSON, _ name: String) throws(RecordError) {
        switch json.value {
        case .number(let number) where !(abs(number) < 0x1p63):
            throw RecordError("\(name) holds a number that is not finite or has more than 64 bits; write it as a string")
        case .array(let elements): for element in elements { try requireExactNumbers(element, name) }
        case .object(let members): for member in members { try requireExactNumbers(member.value, name) }
        default: break
        }
    }
}

extension JSON {
    /// The object with another value at `key`.
    fileprivate func replacing(_ key: String, with value: JSON) -> JSON {
        var members = members ?? []
        for index in members.indices where members[index].key == key { members[index].value = value }
        return JSON(.object(members), at: position)
    }
}
