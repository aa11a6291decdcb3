import ArgumentParser
import HealData
import Trainer

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how well a model predicts a text or the answers of a data set: loss and perplexity.",
        discussion: """
            Each token but the first gets its negative log-likelihood in nats, given those before it; the perplexity is the exponential of the mean. A \
            text that is longer than the context is cut into windows of --context tokens that do not overlap: the first token of a window is predicted \
            at the end of the window before, so every token counts once, and those early in a window see little before them.

            With --json the output is {"nll":[...],"tokens":n,"perplexity":x,"last_logits":[...]}: one loss for each of ids[1...], their number, and the \
            logits after the last token, which are there only if the text is one window. Computes in fp32 unless told otherwise.

            With --rows, the rows of a data set are scored as an evaluation of a run does: in the model's chat template, on the assistant's tokens \
            alone, cut to --max-length as max_seq_length cuts. The mean is over tokens, not rows. A run packs several rows into one product, so its \
            sums come in another order: both agree to rounding where the type is the same (--dtype). With --json each row gives one object \
            {"row":"file:line","loss":x,"tokens":n}, or "skipped" and why, and the last line {"loss":x,"perplexity":x,"rows":n,"tokens":n} is all of them.

              heal score --model models/stories260K --text story.txt
              heal score --model runs/stories260k --ids ids.json --json
              heal score --model runs/smollm2-135m --rows my-chats.jsonl --limit 100
              heal score --model runs/smollm2-135m --rows gsm8k.jsonl \\
                  --columns prompt=question,completion=answer
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: ArgumentHelp("A text file; \"-\" reads standard input. Begins with bos where the model's tokenizer puts it.", valueName: "file"), completion: .file())
    var text: String?

    @Option(help: ArgumentHelp("Token ids as they are: a file with a JSON array, or the array itself.", valueName: "ids"), completion: .file())
    var ids: String?

    @Option(help: ArgumentHelp("A data set: JSON lines, a JSON array, text, or any of them with .gz.", valueName: "file"), completion: .file())
    var rows: String?

    @Option(help: ArgumentHelp("The format of the rows; told from the first ones otherwise.", valueName: "format"))
    var format: DataFormat?

    @Option(help: ColumnOption.help, transform: ColumnOption.parse)
    var columns: ColumnNames?

    @Option(help: ArgumentHelp("The chat template for the rows; the model's own otherwise.", valueName: "template"))
    var template: ChatTemplate.Name?

    @Option(parsing: .unconditional, help: ArgumentHelp("Rows to look at, from the first on; all otherwise.", valueName: "n"))
    var limit: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Cut rows to so many tokens. (default: the model's context, at most \(Scoring.usualContext))", valueName: "n"))
    var maxLength: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Tokens of a window. (default: the model's context, at most \(Scoring.usualContext))", valueName: "n"))
    var context: Int?

    @Option(help: ArgumentHelp("The type to compute in.", valueName: "type"))
    var dtype = ComputeType.fp32

    @Flag(help: "Write JSON: one object, or with --rows one a line.")
    var json = false

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        guard [text, ids, rows].count(where: { $0 != nil }) == 1 else { throw ValidationError("Give one of --text, --ids and --rows.") }
        let forRows = [
            ("--format", format != nil), ("--columns", columns != nil), ("--template", template != nil), ("--limit", limit != nil),
            ("--max-length", maxLength != nil),
        ]
        if rows == nil, let lone = forRows.first(where: \.1) { throw ValidationError("\(lone.0) is about rows of a data set; give --rows as well.") }
        if rows != nil, context != nil { throw ValidationError("--context cuts a text into windows; rows are cut by --max-length.") }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); expected at least 1.") }
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length is \(maxLength); expected at least 2.") }
        if let context, context < 1 { throw ValidationError("--context is \(context); expected at least 1.") }
    }

    func run() throws {
        threads.apply()
        let opened = try model.open()
        if let rows {
            let compute = try dtype.resolved(opened.configuration, tokens: min(opened.longestContext, Scoring.usualContext))
            let report = try RowReport(rows, format: format, columns: columns ?? ColumnNames(), limit: limit, asJSON: json)
            return try report.run(opened, template: template, maxLength: maxLength, compute: compute)
        }
        let tokens = try text.map { opened.encode(try TextInput.text($0)) } ?? TokenIDs.read(ids ?? "")
        try opened.check(tokens)
        guard tokens.count > 1 else {
            throw Failure("there is nothing to score: \(tokens.count == 1 ? "one token" : "no token"); at least two are needed", .badInput)
        }
        let window = context ?? min(opened.longestContext, Scoring.usualContext)
        try opened.configuration.checkContext(window, file: opened.path)
        let compute = try dtype.resolved(opened.configuration, tokens: min(window, tokens.count))
        let scoring = Scoring(
            model: try opened.load(compute: compute, context: min(window, tokens.count), tokensPerPass: min(window, tokens.count)), window: window)
        let wantsLogits = json && tokens.count <= window
        let losses = try scoring.losses(tokens) { done in
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
