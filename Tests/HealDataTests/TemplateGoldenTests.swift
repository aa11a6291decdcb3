import Foundation
import HealData
import Testing

/// Conversations as transformers writes them; see `Tests/Golden/data/generate.py`.
struct TemplateGolden: Decodable, Sendable, CustomTestStringConvertible {
    struct Case: Decodable, Sendable {
        let turns: [[String]]
        let text: String
        let spans: [[Int]]
        let ids: [Int32]
        let trained: [[Int]]

        var conversation: Conversation {
            .turns(turns.map { Turn(Role(alias: $0[0])!, $0[1], context: $0[2]) })
        }

        /// Mistral 0.3 leaves a system text out without a word. Nothing is left out here: such rows are refused.
        var dropsSystem: Bool {
            turns[0][0] == "system" && text.contains("[INST]") && !text.contains(turns[0][1].trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    let template: String
    let jinja: String?
    let tokenizer: String
    let bos: String
    let eos: String
    let cases: [Case]
    var name = ""

    private enum CodingKeys: CodingKey { case template, jinja, tokenizer, bos, eos, cases }

    var testDescription: String { name }

    static let all: [TemplateGolden] = {
        let folder = goldenDirectory.appendingPathComponent("templates")
        let files = try! FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return files.filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }.map { file in
            var golden = try! JSONDecoder().decode(TemplateGolden.self, from: Data(contentsOf: file))
            golden.name = file.deletingPathExtension().lastPathComponent
            return golden
        }
    }()

    /// The template as it is found for a model that carries this golden's source.
    var resolved: ChatTemplate {
        get throws { try ChatTemplate.resolve(jinja: jinja, forced: jinja == nil ? ChatTemplate.Name(rawValue: template) : nil) }
    }
}

@Suite struct TemplateGoldenTests {
    @Test func allTemplatesAreThere() throws {
        let names = Set(try TemplateGolden.all.compactMap { try $0.resolved.name })
        #expect(names == Set(ChatTemplate.Name.allCases))
    }

    @Test(arguments: TemplateGolden.all) func writesWhatTheReferenceWrites(golden: TemplateGolden) throws {
        let template = try golden.resolved
        #expect(template.name?.rawValue == golden.template)
        for (index, item) in golden.cases.enumerated() {
            let marks = TemplateMarks(bos: golden.bos, eos: golden.eos)
            if item.dropsSystem {
                #expect(throws: RecordError.self, "\(golden.name), case \(index)") { try template.render(item.conversation, marks: marks) }
                continue
            }
            let rendered = try template.render(item.conversation, marks: marks)
            #expect(rendered.string == item.text, "\(golden.name), case \(index)")
            #expect(rendered.trained == item.spans.map { $0[0]..<$0[1] }, "\(golden.name), case \(index)")
        }
        #expect(golden.cases.count >= 10)
    }
}

/// Ids and labels against the reference, with the tokenizers that the repository carries.
@Suite struct TemplateIdTests {
    private static func directory(_ tokenizer: String) -> String {
        let root = goldenDirectory.appendingPathComponent("../../..").standardized
        return root.appendingPathComponent(tokenizer == "stories260K" ? "models/stories260K" : "Tests/Golden/tokenizers/\(tokenizer)").path
    }

    private static let covered = TemplateGolden.all.filter { FileManager.default.fileExists(atPath: directory($0.tokenizer)) }

    @Test(arguments: Self.covered) func idsAndLabelsAreTheReferences(golden: TemplateGolden) throws {
        let tokenizer = try TokenizerFiles.load(directory: Self.directory(golden.tokenizer))
        let encoder = SampleEncoder(tokenizer: tokenizer, template: try golden.resolved, maxLength: 1 << 20)
        for (index, item) in golden.cases.enumerated() where !item.dropsSystem {
            let encoded = try encoder.encode(item.conversation)
            // The reference is told to add nothing, so it has no bos but the template's own.
            let first = encoded.hasBos ? 1 : 0
            #expect(Array(encoded.tokens[first...]) == item.ids, "\(golden.name), case \(index)")
            let trained = item.ids.indices.map { id in item.trained.contains { $0[0] <= id && id < $0[1] } }
            #expect(Array(encoded.trained[first...]) == trained, "\(golden.name), case \(index)")
        }
    }

    @Test func theEmbeddedTokenizerIsCovered() {
        #expect(Self.covered.contains { $0.tokenizer == "stories260K" })
    }
}

@Suite struct TemplateRecognitionTests {
    private func source(_ name: String) -> String { TemplateGolden.all.first { $0.name == name }!.jinja! }

    @Test func variantsAreTold() {
        #expect(ChatTemplate.recognize(source("chatml")) == .chatml(ChatMLTemplate()))
        #expect(ChatTemplate.recognize(source("chatml-smollm2"))
            == .chatml(ChatMLTemplate(defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face")))
        #expect(ChatTemplate.recognize(source("chatml-qwen2.5"))
            == .chatml(ChatMLTemplate(defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", wrapsTools: true)))
        #expect(ChatTemplate.recognize(source("chatml-qwen3")) == .chatml(ChatMLTemplate(wrapsTools: true, thinks: true)))
        #expect(ChatTemplate.recognize(source("llama3.1")) == .llama3(Llama3Template(date: "26 Jul 2024")))
        #expect(ChatTemplate.recognize(source("mistral-v0.1"))
            == .mistral(MistralTemplate(opening: "[INST] ", answerLead: "", answerTail: " ", system: .none)))
        #expect(ChatTemplate.recognize(source("mistral-v0.2")) == .mistral(MistralTemplate()))
        #expect(ChatTemplate.recognize(source("mistral-v0.3"))
            == .mistral(MistralTemplate(opening: "[INST] ", closing: "[/INST]", stripsAnswer: true, system: .closingUser)))
    }

    /// A change to a known source that changes what it writes must not go unnoticed.
    @Test(arguments: [
        ("chatml", "<|im_end|>' + '\\n'", "<|im_end|>' + eos_token + '\\n'"),
        ("chatml", "{% for", "{{ bos_token }}{% for"),
        ("chatml", "message['content']", "message['content'] | trim"),
        ("chatml", "'<|im_start|>' + message['role']", "'<|im_start|>' + role"),
        ("chatml-smollm2", "trained by Hugging Face", "on ' + today + '"),
        ("chatml-qwen3", "loop.last or (not loop.last and reasoning_content)", "reasoning_content"),
        ("chatml-qwen3", "loop.last or (not loop.last and reasoning_content)", "enable_thinking and (loop.last or (not loop.last and reasoning_content))"),
        ("llama3", "message['content'] | trim", "message['content']"),
        ("llama3", "bos_token + content", "content"),
        ("llama2", "bos_token + '[INST] ' + content.strip()", "bos_token + '[INST] ' + content"),
        ("llama2", "' ' + eos_token", "eos_token"),
        ("llama2", "{% set system_message = false %}", "{% set system_message = 'Be kind.' %}"),
        ("mistral-v0.2", "loop.first and", "loop.index0 == 2 and"),
        ("mistral-v0.2", "+ eos_token", "+ '<|end|>'"),
        ("mistral-v0.1", "' [/INST]'", "' [/INST] '"),
        ("zephyr", "{% for message", "{{ bos_token }}{% for message"),
        ("zephyr", "'<|assistant|>\n'  + message['content']", "'<|assistant|>\n'  + message['content'].strip()"),
    ])
    func changedSourcesAreUnknown(name: String, from: String, to: String) {
        let source = source(name)
        let changed = source.replacingOccurrences(of: from, with: to)
        #expect(changed != source, "the change does not apply")
        #expect(ChatTemplate.recognize(source) != nil)
        #expect(ChatTemplate.recognize(changed) == nil)
    }

    @Test func templatesThatCannotBeRunAreErrors() {
        let text = message { try ChatTemplate.resolve(jinja: "{{ bos_token }}\n{% include 'turns' %}", modelType: "gemma") }
        #expect(text == """
            the model's chat template (model type `gemma`) cannot be run: its line 2: `{% include %}` is not supported; set `chat_template` to one of \
            `chatml`, `llama2`, `llama3`, `mistral`, `zephyr`, `alpaca`, `plain` if one fits
            """)
        #expect(message { try ChatTemplate.resolve(jinja: nil) }.hasPrefix("the model has no chat template; set `chat_template` to one of"))
    }

    @Test func forcingWinsButKeepsTheModelsVariant() throws {
        #expect(try ChatTemplate.resolve(jinja: source("chatml-smollm2"), forced: .alpaca) == .alpaca)
        #expect(try ChatTemplate.resolve(jinja: source("chatml-smollm2"), forced: .chatml) == ChatTemplate.resolve(jinja: source("chatml-smollm2")))
        #expect(try ChatTemplate.resolve(jinja: nil, forced: .llama2) == .llama2)
        #expect(try ChatTemplate.resolve(jinja: "{{ x }}", forced: .zephyr) == .zephyr)
    }
}
