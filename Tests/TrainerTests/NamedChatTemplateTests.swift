import Basics
import Foundation
import HealData
import Testing
import Trainer

/// A model may have several chat templates by name. `transformers` takes "tool_use" for rows with tools and "default" for the others.
@Suite struct NamedChatTemplateTests {
    private func files(_ template: Any) throws -> CompanionFiles {
        var files = CompanionFiles()
        files.contents["tokenizer_config.json"] = Array(try JSONSerialization.data(withJSONObject: ["chat_template": template]))
        return files
    }

    private func written(_ source: String, tools: [JSON] = []) throws -> String {
        try ChatTemplate.resolve(jinja: source).render(.turns([Turn(.user, "a")], tools: tools), marks: TemplateMarks(bos: "<s>", eos: "</s>")).string
    }

    private let plain = " \n{% for m in messages %}{{ m.role + ':' + m.content }}|{% endfor %}\n"
    private let withTools = "{% for tool in tools %}\n{{ tool.function.name }}{% endfor %}{% for m in messages %}<{{ m.role + m.content }}>{% endfor %}  \n"
    private let tools: [JSON] = [.object([("type", "function"), ("function", .object([("name", "f")]))])]

    @Test func rowsWithToolsHaveTheirOwn() throws {
        for template in [[["name": "default", "template": plain], ["name": "tool_use", "template": withTools]], ["default": plain, "tool_use": withTools]] as [Any] {
            let source = try #require(try ChatTemplateSource.read(files(template)))
            #expect(try written(source) == written(plain) && written(source) == " \nuser:a|")
            #expect(try written(source, tools: tools) == written(withTools, tools: tools) && written(source, tools: tools) == "f<usera>  ")
        }
    }

    @Test func oneAloneIsEnough() throws {
        #expect(try ChatTemplateSource.read(files([["name": "default", "template": plain]])) == plain)
        let source = try #require(try ChatTemplateSource.read(files([["name": "tool_use", "template": withTools]])))
        #expect(try written(source, tools: tools) == "f<usera>  ")
        #expect(throws: RecordError.self) { try written(source) }
        #expect(throws: HealError.self) { try ChatTemplateSource.read(files(3)) }
        let other = #expect(throws: HealError.self) { try ChatTemplateSource.read(files([["name": "rag", "template": plain]])) }
        #expect(other?.description.contains("(there are rag); put the one to use beside it as chat_template.jinja") == true)
    }

    /// `additional_chat_templates/tool_use.jinja` beside `chat_template.jinja`.
    @Test func aFileOfItsOwnIsRead() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("heal-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        try FileManager.default.createDirectory(at: directory.appendingPathComponent("additional_chat_templates"), withIntermediateDirectories: true)
        try Data(plain.utf8).write(to: directory.appendingPathComponent("chat_template.jinja"))
        try Data(withTools.utf8).write(to: directory.appendingPathComponent("additional_chat_templates/tool_use.jinja"))
        let found = try CompanionFiles(directory: directory.path)
        #expect(Array(found.contents.keys) == ["chat_template.jinja"])
        let source = try #require(try ChatTemplateSource.read(found))
        #expect(try written(source) == " \nuser:a|" && written(source, tools: tools) == "f<usera>  ")
    }
}
