import Foundation
import Testing

struct HelpTests {
    static let commands = ["heal", "train", "validate", "preview", "compress", "report", "sensitivity", "inspect", "export", "generate", "score", "tokenize"]

    /// `HEAL_UPDATE_GOLDEN=1` writes the texts instead of comparing them.
    @Test(arguments: commands) func helpIsTheGolden(_ command: String) throws {
        let outcome = try Program.run(command == "heal" ? ["--help"] : [command, "--help"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        let file = Program.golden("cli/help/\(command).txt")
        if ProcessInfo.processInfo.environment["HEAL_UPDATE_GOLDEN"] == "1" {
            try Data(outcome.output.utf8).write(to: file)
        } else {
            #expect(outcome.output == (try String(contentsOf: file, encoding: .utf8)))
        }
    }

    /// A broken example or table would read badly; only the usage line may be longer.
    @Test(arguments: commands) func helpFitsATerminal(_ command: String) throws {
        let help = try Program.run(command == "heal" ? ["--help"] : [command, "--help"])
        let long = help.lines.filter { $0.count > 80 && !$0.hasPrefix("USAGE:") }
        #expect(long.isEmpty)
        #expect(help.output.contains("  heal "), "no example")
    }

    @Test func everyCommandIsCovered() throws {
        let help = try Program.run(["--help"]).output
        let list = help.components(separatedBy: "SUBCOMMANDS:\n").last ?? ""
        let names = list.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(names == Array(Self.commands.dropFirst()))
    }
}
