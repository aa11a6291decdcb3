import ArgumentParser
import Basics
import Trainer

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find every mistake in a configuration, its model and its data, at once.",
        discussion: """
            Reads the configuration and every weight of the model, plans the compression, and reads and encodes every row of the data. Each mistake is named with its \
            place: file and line, key, or tensor; of the bad rows of a file the first ten, and how many more there are. Ends with status 0 and a line that \
            begins with "ok:", or with status 65 and the number of mistakes, every bad row counted (66 if the configuration itself is not there, 74 if the machine failed to read something).

            The tokens of the last line are those that training computes in a pass over all rows: neither rows that are held back, or equal to one, nor the \
            last token of a sample, which predicts nothing.

              heal validate --config configs/smollm2-135m.json
            """)

    @OptionGroup var config: ConfigurationOptions
    @OptionGroup var threads: ThreadOption

    func run() throws {
        threads.apply()
        var check = Validation()
        try check.run(path: config.path, overrides: config.overrides)
        Console.status("")
        for note in check.notes { Console.print("note: \(note.withoutCommandsAndLines)") }
        guard check.mistakes.messages.isEmpty else { throw check.mistakes }
        Console.print(check.summary)
    }
}
