import ArgumentParser
import Trainer

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how well a model predicts a text: perplexity, and the loss of every token.",
        discussion: """
            Each token but the first gets its negative log-likelihood in nats, given those before it; the perplexity is the exponential of the mean. A \
            text that is longer than the context is cut into windows of --context tokens that do not overlap: the first token of a window is predicted \
            at the end of the window before, so every token counts once, and those early in a window see little before them.

            With --json the output is {"nll":[...],"tokens":n,"perplexity":x,"last_logits":[...]}: one loss for each of ids[1...], their number, and the \
            logits after the last token, which are there only if the text is one window. Computes in fp32 unless told otherwise.

              heal score --model models/stories260K --text story.txt
              heal score --model runs/stories260k --ids ids.json --json
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: ArgumentHelp("A text file; \"-\" reads standard input. Begins with bos where the model's tokenizer puts it.", valueName: "file"), completion: .file())
    var text: String?

    @Option(help: ArgumentHelp("Token ids as they are: a file with a JSON array, or the array itself.", valueName: "ids"), completion: .file())
    var ids: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Tokens of a window. (default: the model's context, at most \(Scoring.usualContext))", valueName: "n"))
    var context: Int?

    @Option(help: ArgumentHelp("The type to compute in.", valueName: "type"))
    var dtype = ComputeType.fp32

    @Flag(help: "Write one JSON object.")
    var json = false

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        guard (text == nil) != (ids == nil) else { throw ValidationError("Give either --text or --ids.") }
        if let context, context < 1 { throw ValidationError("--context is \(context); expected at least 1.") }
    }

    func run() throws {
        threads.apply()
        let compute = try dtype.resolved(), opened = try model.open()
        let tokens = try text.map { opened.encode(try TextInput.text($0)) } ?? TokenIDs.read(ids ?? "")
        try opened.check(tokens)
        guard tokens.count > 1 else {
            throw Failure("there is nothing to score: \(tokens.count == 1 ? "one token" : "no token"); at least two are needed", .badInput)
        }
        let window = context ?? min(opened.longestContext, Scoring.usualContext)
        try opened.configuration.checkContext(window, file: opened.path)
        let scoring = Scoring(
            model: try opened.load(compute: compute, context: min(window, tokens.count), tokensPerPass: min(window, tokens.count)), window: window)
        let wantsLogits = json && tokens.count <= window
        let losses = scoring.losses(tokens) { done in
            Console.progress("scoring", done, of: tokens.count, "tokens")
        }
        let logits = wantsLogits ? scoring.lastLogits(tokens) : nil
        Console.status("")
        report(losses, logits)
    }

    private func report(_ losses: [Double], _ logits: [Float]?) {
        let mean = losses.reduce(0, +) / Double(losses.count), perplexity = Scoring.perplexity(mean)
        if json {
            let last = logits.map { #","last_logits":\#(JSONText.list($0))"# } ?? ""
            Console.print(
                #"{"nll":\#(JSONText.list(losses)),"tokens":\#(losses.count),"perplexity":\#(JSONText.number(perplexity))\#(last)}"#)
        } else {
            Console.print(
                "perplexity \(HumanFormat.significant(perplexity, digits: 6)), loss \(HumanFormat.fixed(mean, decimals: 6)) on "
                    + "\(HumanFormat.grouped(losses.count)) tokens")
        }
    }
}
