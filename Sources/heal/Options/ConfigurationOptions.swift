import ArgumentParser
import Basics
import Trainer

/// `--config` and `--set`: the commands that read a configuration share them.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: ArgumentHelp("The configuration, a JSON file.", valueName: "file"), completion: .file())
    var path: String

    @Option(
        name: .customLong("set"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Change keys of the configuration, for example: --set max_steps=50 compression.keep=0.4 'datasets[0].weight=2'",
            valueName: "key=value"))
    var overrides: [String] = []

    /// The configuration with all changes, or every mistake in it.
    func load(adding more: [String] = []) throws -> Configuration {
        do {
            return try Configuration.load(path: path, overrides: overrides + more)
        } catch {
            var failure = Failure(error)
            if FileSystem.kind(of: path) == nil { failure.status = .missingInput }
            throw failure
        }
    }
}
