import ArgumentParser
import Basics
import HealData
import Models
import Trainer

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write text with a dense, compressed or healed model.",
        discussion: """
            The prompt is read as training read the beginning of a text: after bos, where the model's tokenizer puts it. With --chat it becomes a user's \
            turn in the model's chat template. What the model writes goes to standard output as it comes, until it ends the text, --max-tokens are \
            written, or the context is full. The prompt is not repeated. A terminal gets characters that would command it spelled out (\\u001b); a file or pipe gets \
            the text exactly. Computes in fp32 unless told otherwise: "auto" takes what this machine is \
            faster in, and bf16 half the memory.

              heal generate --model models/stories260K --prompt "Once upon a time"
              heal generate --model runs/smollm2-135m --chat --temperature 0.7 \\
                  --prompt "Why is the sky blue?"
              heal generate --model models/stories260K --ids "[1, 403]" --json
            """)

    @OptionGroup var model: ModelOptions

    @Option(name: [.short, .long], help: ArgumentHelp("The text to go on from.", valueName: "text"))
    var prompt: String?

    @Option(help: ArgumentHelp("Token ids to go on from, as they are: a JSON array, or a file with one.", valueName: "ids"))
    var ids: String?

    @Flag(help: "Wrap the prompt as a user's turn in the model's chat template.")
    var chat = false

    @Option(help: ArgumentHelp("The chat template for --chat; the model's own otherwise.", valueName: "template"))
    var template: ChatTemplate.Name?

    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: ArgumentHelp("Tokens to write at most.", valueName: "n"))
    var maxTokens = 128

    @Option(parsing: .unconditional, help: ArgumentHelp("Above 0, tokens are drawn at random; 0 always takes the most likely one.", valueName: "t"))
    var temperature = 0.0

    @Option(parsing: .unconditional, help: ArgumentHelp("Draw from the fewest most likely tokens that have this much probability together.", valueName: "p"))
    var topP: Double?

    @Option(parsing: .unconditional, help: ArgumentHelp("Draw from this many most likely tokens.", valueName: "k"))
    var topK: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("The seed of the random draws.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("The type to compute in.", valueName: "type"))
    var dtype = ComputeType.fp32

    @Flag(help: #"Write one JSON object {"ids":[...],"prompt_ids":[...],"text":"..."} at the end instead of text."#)
    var json = false

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        guard (prompt == nil) != (ids == nil) else { throw ValidationError("Give either --prompt or --ids.") }
        if chat, ids != nil { throw ValidationError("--chat wraps a text; it does not go with --ids.") }
        if template != nil, !chat { throw ValidationError("--template has no effect without --chat.") }
        guard maxTokens > 0 else { throw ValidationError("--max-tokens is \(maxTokens); expected at least 1.") }
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature is \(temperature); expected a number from 0 on.") }
        if let topP, !(topP > 0 && topP <= 1) { throw ValidationError("--top-p is \(topP); expected a number above 0 and at most 1.") }
        if let topK, topK < 1 { throw ValidationError("--top-k is \(topK); expected at least 1.") }
        if temperature == 0, topP != nil || topK != nil {
            throw ValidationError("\(topP != nil ? "--top-p" : "--top-k") has no effect without --temperature above 0.")
        }
    }

    func run() throws {
        threads.apply()
        let opened = try model.open(), compute = try dtype.resolved(opened.configuration, tokens: 1)
        let promptIDs = try promptIDs(opened)
        try opened.check(promptIDs)
        guard !promptIDs.isEmpty else { throw Failure("the prompt is empty, and the model has no bos to begin with", .badInput) }
        let room = opened.longestContext - promptIDs.count
        guard room > 0 else {
            throw Failure("the prompt has \(promptIDs.count) tokens; the model's context is \(opened.longestContext)", .badInput)
        }
        let model = try opened.load(compute: compute, context: promptIDs.count + min(room, maxTokens), tokensPerPass: 1)

        var sampling = Sampling(temperature: temperature, topP: topP ?? 1, topK: topK, seed: seed)
        var text = ContinuationText(opened.tokenizer, prompt: promptIDs)
        let written = try Generation.run(model, prompt: promptIDs, maxTokens: maxTokens, ends: opened.endTokens, sampling: &sampling) { id in
            let piece = text.add(id)
            if !json {
                Console.write(piece)
                Console.flush()
            }
            return true
        }
        let rest = text.finish()
        if json {
            Console.print(
                #"{"ids":\#(JSONText.list(written)),"prompt_ids":\#(JSONText.list(promptIDs)),"text":\#(JSONText.quoted(text.whole))}"#)
        } else {
            Console.write(rest.hasSuffix("\n") ? rest : rest + "\n")
        }
    }

    private func promptIDs(_ opened: OpenedModel) throws -> [Int32] {
        if let ids { return try TokenIDs.read(ids) }
        let prompt = prompt ?? ""
        guard chat else { return opened.encode(prompt) }
        let encoder = SampleEncoder(tokenizer: opened.tokenizer, template: try opened.chatTemplate(option: template), maxLength: .max)
        return try encoder.encodePrompt([Turn(.user, prompt)])
    }
}

extension OpenedModel {
    /// How many tokens the model can look at as it was meant to.
    var longestContext: Int { min(configuration.maximumPositions, configuration.slidingWindow ?? .max) }
}
