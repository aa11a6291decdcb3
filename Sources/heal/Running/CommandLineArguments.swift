import ArgumentParser
import Trainer

/// What the parser cannot express: an option with an optional value, and a helpful word about an unknown command.
enum CommandLineArguments {
    /// `--resume` without a value becomes `--resume=latest`: the parser has no options with optional values.
    ///
    /// A value is what follows and does not begin with a dash. Only `train`, which may be left out, has this option.
    static func normalized(_ arguments: [String]) throws -> [String] {
        if let first = arguments.first, !first.hasPrefix("-") {
            try requireCommand(first)
            guard first == Train._commandName else { return arguments }
        }
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[index...] }
            let next = index + 1 < arguments.count ? arguments[index + 1] : "-"
            result.append(argument == "--resume" && next.hasPrefix("-") ? "--resume=\(Train.latest)" : argument)
        }
        return result
    }

    private static func requireCommand(_ word: String) throws {
        let commands = Heal.configuration.subcommands.map { $0._commandName } + ["help"]
        if commands.contains(word) { return }
        let hint =
            if word.hasSuffix(".json") {
                "; to heal with that configuration: heal --config \(word)"
            } else if let nearest = NearestName.of(word, among: commands) {
                "; did you mean \"\(nearest)\"?"
            } else {
                "; the commands are \(commands.joined(separator: ", "))"
            }
        throw Failure("unknown command \"\(word)\"\(hint)", .usage)
    }
}
