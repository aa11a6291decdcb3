import HealData
import Testing

@Suite struct TemplateTests {
    let marks = TemplateMarks(bos: "<s>", eos: "</s>")
    let chat: [Turn] = [Turn(.system, " be brief "), Turn(.user, " a "), Turn(.assistant, " b "), Turn(.user, "c"), Turn(.assistant, "d")]

    private func render(_ template: ChatTemplate, _ turns: [Turn]) throws -> String {
        let rendered = try template.render(.turns(turns), marks: marks)
        // Trained ranges in brackets that occur nowhere else.
        var text: [UInt8] = []
        var position = 0
        for range in rendered.trained {
            text += rendered.bytes[position..<range.lowerBound] + Array("⟦".utf8) + rendered.bytes[range] + Array("⟧".utf8)
            position = range.upperBound
        }
        return String(decoding: text + rendered.bytes[position...], as: UTF8.self)
    }

    @Test func writesChatML() throws {
        #expect(try render(.chatml(ChatMLTemplate(defaultSystem: "D")), Array(chat.dropFirst(3)))
            == "<|im_start|>system\nD<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦d<|im_end|>⟧\n")
        #expect(try render(.chatml(ChatMLTemplate(defaultSystem: "D")), Array(chat.prefix(3)))
            == "<|im_start|>system\n be brief <|im_end|>\n<|im_start|>user\n a <|im_end|>\n<|im_start|>assistant\n⟦ b <|im_end|>⟧\n")
        let tools = [Turn(.user, "u"), Turn(.toolCall, "{}"), Turn(.tool, "1"), Turn(.tool, "2"), Turn(.assistant, "x")]
        #expect(try render(.chatml(ChatMLTemplate(wrapsTools: true)), tools) == """
            <|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n⟦<tool_call>\n{}\n</tool_call><|im_end|>⟧\n\
            <|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response><|im_end|>\n\
            <|im_start|>assistant\n⟦x<|im_end|>⟧\n
            """)
    }

    @Test func qwen3KeepsOnlyTheLastReasoning() throws {
        let turns = [Turn(.user, "a"), Turn(.assistant, "<think>\nr\n</think>\n\nb"), Turn(.user, "c"), Turn(.assistant, "d")]
        #expect(try render(.chatml(ChatMLTemplate(thinks: true)), turns) == """
            <|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>⟧\n\
            <|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n⟦<think>\n\n</think>\n\nd<|im_end|>⟧\n
            """)
    }

    @Test func writesTheOthers() throws {
        #expect(try render(.llama2, chat) == "<s>[INST] <<SYS>>\n be brief \n<</SYS>>\n\n a [/INST]⟦ b </s>⟧<s>[INST] c [/INST]⟦ d </s>⟧")
        #expect(try render(.llama3(Llama3Template()), Array(chat.prefix(3))) == """
            <s><|start_header_id|>system<|end_header_id|>\n\nbe brief<|eot_id|><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|>\
            <|start_header_id|>assistant<|end_header_id|>\n\n⟦b<|eot_id|>⟧
            """)
        #expect(try render(.llama3(Llama3Template(date: "26 Jul 2024")), Array(chat.dropFirst(3))) == """
            <s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|>\
            <|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n⟦d<|eot_id|>⟧
            """)
        #expect(try render(.mistral(MistralTemplate()), chat) == "<s> [INST]  be brief \n\n a  [/INST]⟦  b </s>⟧ [INST] c [/INST]⟦ d</s>⟧")
        #expect(try render(.zephyr, chat)
            == "<|system|>\n be brief </s>\n<|user|>\n a </s>\n<|assistant|>\n⟦ b </s>⟧\n<|user|>\nc</s>\n<|assistant|>\n⟦d</s>⟧\n")
        #expect(try render(.plain, chat) == " be brief \n a \n⟦ b </s>⟧\nc\n⟦d</s>⟧")
        #expect(try render(.alpaca, [Turn(.user, "Add.", context: "1"), Turn(.assistant, "2")]) == """
            Below is an instruction that describes a task, paired with an input that provides further context. Write a response that \
            appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1\n\n### Response:\n⟦2</s>⟧
            """)
        #expect(try render(.alpaca, [Turn(.user, "Hi"), Turn(.assistant, "Ho")]) == """
            Below is an instruction that describes a task. Write a response that appropriately completes the request.\
            \n\n### Instruction:\nHi\n\n### Response:\n⟦Ho</s>⟧
            """)
    }

    @Test func completionsAreTurnsExceptForPlain() throws {
        let row = Conversation.completion(prompt: "a", completion: " b")
        #expect(try ChatTemplate.plain.render(row, marks: marks).string == "a b</s>")
        #expect(try ChatTemplate.plain.render(row, marks: marks).trained == [1..<7])
        #expect(try ChatTemplate.llama2.render(row, marks: marks).string == "<s>[INST] a [/INST] b </s>")
    }

    @Test func textIsTrainedWhole() throws {
        let rendered = try ChatTemplate.llama2.render(.text("ab", endsDocument: true), marks: marks)
        #expect(rendered.string == "ab</s>" && rendered.trained == [0..<6] && rendered.wantsBos)
        #expect(try ChatTemplate.plain.render(.text("ab", endsDocument: false), marks: marks).string == "ab")
    }

    @Test func untrainedAndEmptyAnswersAreWrittenButNotTrained() throws {
        for template in [ChatTemplate.chatml(ChatMLTemplate()), .llama2, .llama3(Llama3Template()), .mistral(MistralTemplate()), .zephyr, .alpaca, .plain] {
            let turns = [Turn(.user, "a"), Turn(.assistant, "b", trained: false), Turn(.user, "c"), Turn(.assistant, " \n"), Turn(.user, "e"), Turn(.assistant, "f")]
            let rendered = try template.render(.turns(turns), marks: marks)
            let trained = rendered.trained.map { String(decoding: rendered.bytes[$0], as: UTF8.self) }
            #expect(trained.count == 1 && trained[0].contains("f"), "\(template): \(trained)")
        }
    }

    @Test func refusesWhatTheReferenceRefuses() {
        let twice = [Turn(.user, "a"), Turn(.user, "b"), Turn(.assistant, "c")]
        #expect(message { try render(.llama2, twice) } == "the template `llama2` wants user and assistant to take turns, the user first; turn 2 is user")
        #expect(message { try render(.mistral(MistralTemplate()), [Turn(.system, "s"), Turn(.assistant, "c")]) }
            == "the template `mistral` wants user and assistant to take turns, the user first; turn 2 is assistant")
        #expect(message { try render(.mistral(MistralTemplate(system: .none)), chat) } .hasPrefix("this model's Mistral template takes no system turn; put its text before the first user's"))
        #expect(message { try render(.zephyr, [Turn(.tool, "1")]) } == "the template `zephyr` has no place for turn 1, a tool's answer")
    }

    @Test func generationPromptOpensAnAnswer() throws {
        let turns = Conversation.turns([Turn(.user, "a")])
        let endings: [(ChatTemplate, String)] = [
            (.chatml(ChatMLTemplate()), "a<|im_end|>\n<|im_start|>assistant\n"), (.llama2, "a [/INST]"),
            (.llama3(Llama3Template()), "a<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"), (.mistral(MistralTemplate()), "a [/INST]"),
            (.zephyr, "a</s>\n<|assistant|>\n"), (.alpaca, "a\n\n### Response:\n"), (.plain, "a\n"),
        ]
        for (template, ending) in endings {
            let text = try template.render(turns, marks: marks, forGeneration: true).string
            #expect(text.hasSuffix(ending), "\(template): \(text)")
        }
    }
}
