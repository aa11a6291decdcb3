import Basics
import HealData
import Models

extension OpenedModel {
    /// The model as it is after training with an encoder's template: its files carry that template, and its end mark ends a text.
    ///
    /// - Parameter named: the template that the configuration names; the model's own source is kept where it names none, or that very one.
    func speaking(_ encoder: SampleEncoder, named: ChatTemplate.Name?) -> OpenedModel {
        var companions = companions, configuration = configuration, source = chatTemplateSource
        if let named, source.flatMap(ChatTemplate.recognize)?.name != named {
            let jinja = named.jinja(addsBos: encoder.tokenizer.addsBos)
            source = jinja
            companions.contents["chat_template.jinja"] = Array(jinja.utf8)
            companions.changeJSON("tokenizer_config.json") { $0["chat_template"] = .string(jinja) }
        }
        if let end = encoder.endToken.map(Int.init), !configuration.endOfSequence.contains(end) {
            configuration.endOfSequence.append(end)
            let ends = JSONValue.array(configuration.endOfSequence.map { .int($0) })
            if !configuration.raw.isEmpty { configuration.raw["eos_token_id"] = ends }
            companions.changeJSON("generation_config.json") { $0["eos_token_id"] = ends }
        }
        return OpenedModel(
            path: path, configuration: configuration, source: self.source, layouts: layouts, companions: companions, tokenizer: tokenizer,
            chatTemplateSource: source, origin: origin)
    }
}

extension CompanionFiles {
    /// Changes the members of a JSON file, where there is one.
    fileprivate mutating func changeJSON(_ name: String, _ change: (inout [String: JSONValue]) -> Void) {
        guard let text = text(name), var members = (try? JSONValue.parse(text))?.object else { return }
        change(&members)
        contents[name] = Array((JSONValue.object(members).text() + "\n").utf8)
    }
}
