import HealData
import Testing

@Suite struct SampleTests {
    private func encoder(_ template: ChatTemplate, maxLength: Int = 1000, trainOnPrompt: Bool = false) -> SampleEncoder {
        SampleEncoder(tokenizer: ByteTokenizer(), template: template, maxLength: maxLength, trainOnPrompt: trainOnPrompt)
    }

    private let chat = Conversation.turns([Turn(.user, "ä"), Turn(.assistant, "bé"), Turn(.user, "c"), Turn(.assistant, "d🙂")])

    @Test func labelsAreTheAnswersAndTheirEndMarks() throws {
        let expected: [(ChatTemplate, String)] = [
            (.chatml(ChatMLTemplate(defaultSystem: "D")), "bé<|im_end|>d🙂<|im_end|>"), (.llama2, " bé </s> d🙂 </s>"),
            (.llama3(Llama3Template()), "bé<|eot_id|>d🙂<|eot_id|>"), (.mistral(MistralTemplate()), " bé</s> d🙂</s>"),
            (.zephyr, "bé</s>d🙂</s>"), (.alpaca, "bé</s>d🙂</s>"), (.plain, "bé</s>d🙂</s>"),
        ]
        for (template, text) in expected {
            let encoded = try encoder(template).encode(chat)
            #expect(texts(encoded).trained == text, "\(template.name)")
            guard case .sample(let sample, truncated: false) = try encoder(template).outcome(of: chat) else {
                Issue.record("\(template.name): no sample")
                continue
            }
            // Every trained token is the label of the position before it, and nothing else is a label.
            let labels = encoded.tokens.indices.map { $0 + 1 < encoded.tokens.count && encoded.trained[$0 + 1] ? encoded.tokens[$0 + 1] : -100 }
            #expect(sample.tokens == encoded.tokens && sample.labels == labels, "\(template.name)")
        }
    }

    @Test func bosGoesInFrontWhereTheTokenizerPutsIt() throws {
        #expect(texts(try encoder(.plain).encode(chat)).all == "<s>ä\nbé</s>\nc\nd🙂</s>")
        #expect(try encoder(.plain).encode(chat).trained[0] == false)
        #expect(texts(try encoder(.chatml(ChatMLTemplate())).encode(chat)).all.hasPrefix("<|im_start|>user"))
        #expect(texts(try encoder(.llama2).encode(chat)).all.hasPrefix("<s>[INST]"))
        let without = SampleEncoder(tokenizer: ByteTokenizer(addsBos: false), template: .plain, maxLength: 100)
        #expect(texts(try without.encode(chat)).all.hasPrefix("ä"))
    }

    @Test func trainOnPromptLabelsEverything() throws {
        guard case .sample(let sample, _) = try encoder(.llama2, trainOnPrompt: true).outcome(of: chat) else {
            Issue.record("no sample")
            return
        }
        #expect(Array(sample.labels.dropLast()) == Array(sample.tokens.dropFirst()))
        #expect(sample.labels.last == Sample.ignoredLabel)
    }

    /// A token that begins in the header and ends in the answer counts; one that only touches the border does not.
    @Test func tokensThatStraddleTheBorderAreTrained() throws {
        struct Pairs: Tokenizer {
            var vocabularySize: Int { 1 << 16 }
            var special = SpecialTokens()
            let addsBos = false
            let addsEos = false
            func encode(_ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, into ids: inout [Int32], offsets: inout [Int32]) {
                for i in stride(from: 0, to: text.count, by: 2) {
                    ids.append(Int32(text[i]))
                    offsets.append(Int32(i))
                }
            }
            func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool) -> [UInt8] { [] }
            func id(of token: String) -> Int32? { nil }
            func token(_ id: Int32) -> String? { nil }
        }
        let encoder = SampleEncoder(tokenizer: Pairs(), template: .plain, maxLength: 100)
        // "abc" + "defg": pairs ab cd ef g.
        #expect(try encoder.encode(.completion(prompt: "abc", completion: "defg")).trained == [false, true, true, true])
        #expect(try encoder.encode(.completion(prompt: "abcd", completion: "ef")).trained == [false, false, true])
    }

    @Test func truncationKeepsTheStart() throws {
        let long = Conversation.completion(prompt: "0123456789", completion: "abcdefghij")
        guard case .sample(let sample, truncated: true) = try encoder(.plain, maxLength: 14).outcome(of: long) else {
            Issue.record("no truncated sample")
            return
        }
        #expect(sample.tokens.count == 14 && sample.trainedCount == 3)
        guard case .skipped(.nothingTrained) = try encoder(.plain, maxLength: 11).outcome(of: long) else {
            Issue.record("only the prompt fits, yet there is a sample")
            return
        }
        guard case .sample(_, truncated: false) = try encoder(.plain, maxLength: 22).outcome(of: long) else {
            Issue.record("a sample of just the length limit was truncated")
            return
        }
    }

    /// Equally long parts that together hold the whole text, one a pass, then the first again.
    @Test(arguments: [true, false], [(80, 10), (80, 79), (80, 41), (9, 3)])
    func longTextsGiveAPartAPass(bos: Bool, size: (text: Int, limit: Int)) throws {
        let characters = (0..<size.text).map { UInt8(32 + $0) }
        let text = Conversation.text(String(decoding: characters, as: UTF8.self), endsDocument: true)
        let whole = SampleEncoder(tokenizer: ByteTokenizer(addsBos: bos), template: .plain, maxLength: 1000)
        let all = try whole.encode(text).tokens.drop { $0 == 256 }
        let encoder = SampleEncoder(tokenizer: ByteTokenizer(addsBos: bos), template: .plain, maxLength: size.limit)
        let length = size.limit - (bos ? 1 : 0), parts = (all.count + length - 1) / length
        var seen: Set<Int32> = []
        for pass in 0..<2 * parts {
            guard case .sample(let sample, truncated: true) = try encoder.outcome(of: text, pass: pass) else {
                Issue.record("no part in pass \(pass)")
                return
            }
            #expect(sample.tokens.count == size.limit && (sample.tokens[0] == 256) == bos)
            let part = Array(sample.tokens.drop { $0 == 256 })
            let place = try #require(all.firstIndex(of: part[0])) - all.startIndex
            #expect(part == Array(all.dropFirst(place).prefix(length)))
            #expect(place == (pass % parts) * (all.count - length) / (parts - 1))
            // All is learned but what follows a token that is not there.
            #expect(sample.trainedCount == length - (bos && place == 0 ? 0 : 1))
            seen.formUnion(part)
        }
        #expect(seen == Set(all))
        guard case .sample(let first, _) = try encoder.outcome(of: text) else { return }
        #expect(Array(first.tokens) == Array((bos ? [256] : []) + all.prefix(length)))
    }

    @Test func rowsWithoutAnswersAreSkipped() throws {
        for conversation: Conversation in [
            .turns([Turn(.user, "a"), Turn(.assistant, "")]), .turns([Turn(.user, "a")]), .completion(prompt: "a", completion: " \n\u{85}"),
        ] {
            guard case .skipped(.emptyAnswer) = try encoder(.plain).outcome(of: conversation) else {
                Issue.record("\(conversation) gives a sample")
                continue
            }
        }
        guard case .skipped(.nothingTrained) = try encoder(.plain).outcome(of: .turns([Turn(.user, "a"), Turn(.assistant, "b", trained: false)])) else {
            Issue.record("an untrained answer gives a sample")
            return
        }
    }
}
