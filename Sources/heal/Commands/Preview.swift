import ArgumentParser
import Basics
import HealData
import Trainer

struct Preview: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show samples as the model will see them.",
        discussion: """
            Prints the first samples of the training order, rendered with the chat template. Trained tokens are green on a terminal and stand between \
            \(SampleText.opening) and \(SampleText.closing) elsewhere; what max_seq_length cuts off is struck through, or between \
            \(SampleText.cutOpening) and \(SampleText.cutClosing).

              heal preview --config configs/stories260k.json -n 5
            """)

    @OptionGroup var config: ConfigurationOptions

    @Option(name: [.customShort("n"), .customLong("samples")], parsing: .unconditional, help: ArgumentHelp("How many samples.", valueName: "n"))
    var count = 3

    @Option(help: "Colour the output.")
    var color = ColorChoice.auto

    func validate() throws {
        guard count > 0 else { throw ValidationError("-n is \(count); expected at least 1.") }
    }

    func run() throws {
        let configuration = try config.load()
        let job = HealingJob(configuration)
        let opened = try configuration.openModel()
        let dataset = try job.dataset(opened)
        for note in try dataset.report(limit: FormatDetection.inspectedRows).files.flatMap(\.unreadKeys) {
            Console.printError("note: \(note.description.withoutCommandsAndLines)")
        }
        let text = SampleText(tokenizer: opened.tokenizer, colours: color.isOn)
        let rows = dataset.mixture.drawsPerEpoch
        for draw in 0..<min(count, rows) {
            let sample = try dataset.preview(dataset.row(ofDraw: draw))
            Console.print(text.header(sample, number: draw + 1))
            Console.print(text.body(sample))
            Console.print()
        }
        if count > rows { Console.print("There are no more than \(rows) training rows.") }
    }
}
