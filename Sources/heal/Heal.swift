import ArgumentParser
import Foundation
import Trainer

/// The program: its commands, and the one place where errors become messages and exit statuses.
@main
struct Heal: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heal",
        abstract: "Heal language models that were compressed into Matrix Product Operators.",
        discussion: """
            Takes a model of the Llama family, splits its weight matrices into chains of small cores, trains the cores on chat data until the model \
            answers like the original again, and exports the result.

              heal --config configs/stories260k.json           the whole work
              heal --config configs/stories260k.json --resume  go on after any stop
              heal --config configs/llama7b.json --dry-run     the plan and its costs
              heal generate --model runs/stories260k --prompt "Once upon a time"

            A model, wherever a command takes one, is a Hugging Face directory, a GGUF file, a checkpoint, the directory of a run (its newest valid \
            checkpoint), or an mpo export.

            Exit status: 0 done; 1 the run diverged (a loss, a gradient or a weight is no number), or something failed that fits none of the following; \
            64 wrong usage; 65 the model or the data is not as it should be; 66 a file is missing; 73 an output cannot be made; 74 reading or writing failed; \
            78 the configuration is wrong; 130, 143, 129 and 138 stopped by Ctrl-C, by a request to terminate, because the terminal is gone or by SIGUSR1, \
            after saving.
            """,
        version: ProgramVersion.text,
        subcommands: [
            Train.self, Validate.self, Preview.self, Compress.self, Report.self, Sensitivity.self, Inspect.self, Export.self, Generate.self, Score.self, Tokenize.self,
        ],
        defaultSubcommand: Train.self)

    static func main() {
        StandardStreams.occupy()
        // A closed pipe is an error of the write that meets it, not a signal that ends the process in the middle of its work.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that grows beyond its limit.
        signal(SIGXFSZ, SIG_IGN)
        do {
            let arguments = try CommandLineArguments.normalized(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot(arguments)
            try command.run()
            Console.finish()
        } catch {
            leave(with: error)
        }
    }

    /// Prints what there is to say about `error` and ends the process.
    private static func leave(with error: any Error) -> Never {
        if error is ExitCode {
            Console.finish()
            exit(withError: error)
        }
        let code = exitCode(for: error)
        if code.isSuccess {  // --help, --version
            Console.print(fullMessage(for: error))
            Console.finish()
            Foundation.exit(0)
        }
        // Whatever the program's own code throws counts as a general failure to the parser; only its own errors have another code.
        if code == .validationFailure {
            Console.flush()
            let message = fullMessage(for: error)
            Console.printError("heal: " + (message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message))
            Foundation.exit(ExitStatus.usage.rawValue)
        }
        let failure = Failure(error)
        Console.flush()
        Console.printError(failure.text)
        Foundation.exit(failure.status.rawValue)
    }
}
