import Foundation

extension ChatTemplate {
    /// The template of a model: its own, unless the configuration names another.
    ///
    /// - Parameters:
    ///   - jinja: `chat_template` of `tokenizer_config.json`, `chat_template.jinja` or the GGUF's metadata; nil where the model has none.
    ///   - modelType: `model_type` of the configuration or the GGUF's architecture; only for messages.
    ///   - forced: the name that the configuration gives. If the model's own template is of that name, it is used with what else it can do.
    /// - Throws: where there is no source, or one that cannot be run; nothing is guessed.
    package static func resolve(jinja: String?, modelType: String? = nil, forced: Name? = nil) throws(DataError) -> ChatTemplate {
        let known = jinja.flatMap(recognize)
        if let forced, known?.name != forced { return ChatTemplate(named: forced) }
        let model = modelType.map { " (model type `\($0)`)" } ?? ""
        let names = Name.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        guard let jinja else { throw DataError(.unknownTemplate, "the model\(model) has no chat template; set `chat_template` to one of \(names)") }
        // Of a source that this program wrote, the known template knows more than it says.
        if let known, Name.written(jinja) != nil { return known }
        do throws(JinjaError) {
            return .own(try OwnTemplate(jinja, known: known))
        } catch {
            throw DataError(.unknownTemplate, "the model's chat template\(model) cannot be run: its \(error.description); set `chat_template` to one of \(names) if one fits")
        }
    }

    /// The known template that `jinja` is the source of, or nil. Features of the source propose one; running the source proves it.
    package static func recognize(_ jinja: String) -> ChatTemplate? {
        if let name = Name.written(jinja) { return ChatTemplate(named: name) }
        guard let proposed = proposal(jinja), let isProved = try? TemplateProof.holds(proposed, for: jinja), isProved else { return nil }
        return proposed
    }

    private static func proposal(_ jinja: String) -> ChatTemplate? {
        // Jinja reads `\n` inside its strings as a line feed; sources carry either form. Quotes and blanks vary too.
        let source = jinja.replacing("\\n", with: "\n").replacing("\"", with: "'")
        let tight = source.filter { !$0.isWhitespace }
        if tight.contains("<|im_start|>") { return recognizeChatML(source, tight) }
        if tight.contains("<|start_header_id|>") { return recognizeLlama3(source, tight) }
        if tight.contains("<<SYS>>") { return recognizeLlama2(tight) }
        if tight.contains("[INST]") { return recognizeMistral(source, tight) }
        if tight.contains("<|user|>"), tight.contains("<|assistant|>") { return recognizeZephyr(source, tight) }
        return nil
    }

    private static func recognizeChatML(_ source: String, _ tight: String) -> ChatTemplate? {
        if tight.contains("<think>") { return recognizeQwen3(tight) }
        // Other models dress ChatML up with more than is written here.
        let foreign = ["<|im_sep|>", "bos_token", "eos_token", ".strip(", "|trim", "[INST]"]
        guard tight.contains("<|im_end|>"), !foreign.contains(where: tight.contains) else { return nil }
        let writesMessage = ["message['role']+'", "message.role+'"].contains { tight.contains("'<|im_start|>'+\($0)") }
        guard writesMessage else { return nil }
        guard let defaultSystem = try? defaultSystem(in: source) else { return nil }
        let wrapsTools = tight.contains("<tool_response>")
        return .chatml(ChatMLTemplate(defaultSystem: defaultSystem.isEmpty ? nil : defaultSystem, wrapsTools: wrapsTools))
    }

    private static func recognizeQwen3(_ tight: String) -> ChatTemplate? {
        // The releases after the first leave out or always keep the reasoning; only the first form is known.
        guard tight.contains("ns.last_query_index%}{%-ifloop.lastor(notloop.lastandreasoning_content)%}"), tight.contains("<tool_response>"),
            !tight.contains("bos_token")
        else { return nil }
        return .chatml(ChatMLTemplate(wrapsTools: true, thinks: true))
    }

    /// The fixed system text, empty if there is none: what stands between the opening and the end mark inside one string literal.
    /// Throws where a text is there but cannot be read off the source.
    private static func defaultSystem(in source: String) throws(RecordError) -> String {
        var rest = source[...]
        while let opening = rest.range(of: "<|im_start|>system\n") {
            rest = rest[opening.upperBound...]
            // A literal that ends here goes on with the conversation's own system text.
            guard rest.first != "'", let end = rest.range(of: "<|im_end|>") else { continue }
            let text = String(rest[..<end.lowerBound])
            if text.contains("'") || text.contains("{") { throw RecordError("a system text that is put together") }
            return text
        }
        return ""
    }

    private static func recognizeLlama3(_ source: String, _ tight: String) -> ChatTemplate? {
        let writesMessage = ["'<|start_header_id|>'+message['role']+'<|end_header_id|>'+message['content']|trim+'<|eot_id|>'"].contains(where: tight.contains)
        guard writesMessage, tight.contains("bos_token") else { return nil }
        guard tight.contains("CuttingKnowledgeDate:December2023") else {
            return tight.contains("date_string") ? nil : .llama3(Llama3Template())
        }
        // {%- set date_string = "26 Jul 2024" %}
        guard let match = source.firstMatch(of: #/set\s+date_string\s*=\s*'([^']+)'/#) else { return nil }
        return .llama3(Llama3Template(date: String(match.output.1)))
    }

    private static func recognizeLlama2(_ tight: String) -> ChatTemplate? {
        let user = tight.contains("bos_token+'[INST]'+content.strip()+'[/INST]'") || tight.contains("bos_token+'[INST]'+content|trim+'[/INST]'")
        let answer = tight.contains("''+content.strip()+''+eos_token") || tight.contains("''+content|trim+''+eos_token")
        // A default system text is known only where it is switched off.
        let defaultIsOff = !tight.contains("system_message='") || tight.contains("false==true") || tight.contains("USE_DEFAULT_PROMPT==true")
        return user && answer && defaultIsOff ? .llama2 : nil
    }

    private static func recognizeMistral(_ source: String, _ tight: String) -> ChatTemplate? {
        guard tight.contains("eos_token"), !tight.contains("[SYSTEM_PROMPT]"), !tight.contains("bos_token+'[INST]") else { return nil }
        var template = MistralTemplate()
        guard let opening = [" [INST] ", "[INST] ", "[INST]"].first(where: { source.contains("'\($0)'") }),
            let closing = [" [/INST]", "[/INST]"].first(where: { source.contains("'\($0)'") })
        else { return nil }
        template.opening = opening
        template.closing = closing
        let content = #/(?<lead>' '\s*\+\s*)?message(\['content'\]|\.content)(?<strips>\s*\|\s*trim)?\s*\+\s*eos_token(?<tail>\s*\+\s*' ')?/#
        guard let answer = source.firstMatch(of: content) else { return nil }
        template.answerLead = answer.output.lead == nil ? "" : " "
        template.stripsAnswer = answer.output.strips != nil
        template.answerTail = answer.output.tail == nil ? "" : " "
        if tight.contains("system_message") {
            if tight.contains("loop.firstandsystem_messageisdefined") {
                template.system = .firstUser
            } else if tight.contains("loop.lastandsystem_messageisdefined") {
                template.system = .closingUser
            } else if tight.contains("(message==user_messages[-1])andsystem_messageisdefined") {
                template.system = .lastUser
            } else {
                return nil
            }
        } else {
            if tight.contains("'system'") { return nil }
            template.system = .none
        }
        return .mistral(template)
    }

    private static func recognizeZephyr(_ source: String, _ tight: String) -> ChatTemplate? {
        if tight.contains("bos_token") { return nil }
        let writes = ["user", "system", "assistant"].allSatisfy { role in
            source.contains("<|\(role)|>\n") && tight.contains("'<|\(role)|>'+message['content']+eos_token")
        }
        return writes ? .zephyr : nil
    }
}
