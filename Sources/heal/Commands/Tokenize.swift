import ArgumentParser
import Basics
import HealData
import Trainer

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn text into token ids exactly as training sees them, and back.",
        discussion: """
            Text comes from standard input; each line, ended by a line feed alone, is one text, and gives one JSON array of ids. Special tokens written \
            in the text become their ids, and bos or eos is added where the model's tokenizer does so; --no-special adds neither.

            With --rows, each row of a data set gives one JSON object {"ids":[...],"labels":[...]}: the row in the model's chat template. As in Hugging \
            Face, a label is the token's own id where the token is trained and -100 where it is not. A row that training leaves out says why in "skipped".

            With --decode, each line is a list of ids and gives its text: exactly in a file or pipe, with what would command a terminal spelled out on one.

              echo "Once upon a time" | heal tokenize --model models/stories260K
              heal tokenize --model models/stories260K --template alpaca \\
                  --rows datasets/alpaca-dolly.jsonl
              echo "[1, 403, 407]" | heal tokenize --model models/stories260K --decode
            """)

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Any model, or a directory with tokenizer files alone.", valueName: "model"), completion: .file())
    var model: String

    @Option(help: ArgumentHelp("A data set: JSON lines, a JSON array, text, or any of them with .gz.", valueName: "file"), completion: .file())
    var rows: String?

    @Option(help: ArgumentHelp("The format of the rows; told from the first ones otherwise.", valueName: "format"))
    var format: DataFormat?

    @Option(help: ColumnOption.help, transform: ColumnOption.parse)
    var columns: ColumnNames?

    @Option(help: ArgumentHelp("The chat template; the model's own otherwise.", valueName: "template"))
    var template: ChatTemplate.Name?

    @Option(parsing: .unconditional, help: ArgumentHelp("Cut rows to so many tokens, as max_seq_length does; they are not cut otherwise.", valueName: "n"))
    var maxLength: Int?

    @Flag(help: "Train on the user's tokens too.")
    var trainOnPrompt = false

    @Flag(help: "Turn ids into text.")
    var decode = false

    @Flag(help: "Add no bos and no eos; with --decode, leave special tokens out of the text.")
    var noSpecial = false

    @Flag(help: "With --decode, write each text as a JSON string. Ids are always written as JSON.")
    var json = false

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        if decode, rows != nil { throw ValidationError("--decode reads ids from standard input; it does not go with --rows.") }
        let forRows = [
            ("--format", format != nil), ("--columns", columns != nil), ("--template", template != nil), ("--max-length", maxLength != nil),
            ("--train-on-prompt", trainOnPrompt),
        ]
        if rows == nil, let lone = forRows.first(where: \.1) { throw ValidationError("\(lone.0) is about rows of a data set; give --rows as well.") }
        if rows != nil, noSpecial { throw ValidationError("--no-special does not go with --rows: the chat template decides.") }
        if let maxLength, maxLength < 2 { throw ValidationError("--max-length is \(maxLength); expected at least 2.") }
    }

    func run() throws {
        threads.apply()
        let source = try TokenizerSource(model)
        if let rows {
            try RowTokenizing(source, self).run(rows)
        } else if decode {
            try LineDecoding(tokenizer: source.tokenizer, skipsSpecial: noSpecial, asJSON: json).run()
        } else {
            try LineEncoding(tokenizer: source.tokenizer, addsSpecial: !noSpecial).run()
        }
    }
}

extension DataFormat: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

extension ChatTemplate.Name: ExpressibleByArgument {}
