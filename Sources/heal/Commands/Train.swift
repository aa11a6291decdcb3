import ArgumentParser
import Cluster
import Foundation
import Logging
import Trainer

struct Train: ParsableCommand {
    /// The value of `--resume` that means the newest checkpoint, and that a bare `--resume` stands for.
    static let latest = "latest"

    static let configuration = CommandConfiguration(
        abstract: "Decompose, heal, checkpoint, evaluate and export, as a configuration says.",
        discussion: """
            Takes the model of the configuration, splits its matrices into cores, trains the cores, and says at the end how much of what truncation \
            spoiled was won back. configs/README.md explains the keys of a configuration.

              heal --config configs/stories260k.json
              heal --config configs/stories260k.json --set max_steps=20 output_dir=runs/try
              heal --config configs/stories260k.json --resume
              heal --config configs/llama7b.json --dry-run

            Ctrl-C (or SIGTERM, or SIGHUP) finishes the micro-batch at hand, saves a checkpoint, says how to go on and leaves with status 130 (143, 129); a \
            second one leaves at once. A run that goes on computes the same numbers as one that was never stopped.

            Built with `make mpi` it also trains on several machines, under mpirun or srun; docs/cluster.md tells how.
            """)

    @OptionGroup var config: ConfigurationOptions

    @Option(
        help: ArgumentHelp(
            "Go on from a checkpoint: its file, or a run's directory. Without a value: the newest valid one of the output directory, or from the beginning if there is none yet.",
            valueName: "checkpoint"),
        completion: .file())
    var resume: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "With --resume: keys that may differ from those of the run that is resumed although the steps to come depend on them.", valueName: "key"))
    var allowChanges: [String] = []

    @Option(help: ArgumentHelp(
        "Run what the configuration is to be compared with instead: svd heals a whitened low-rank SVD of equal size the same way, plain a TT-SVD of equal size on the labels alone; in OUTPUT_DIR-control-NAME.",
        valueName: "start"))
    var control: Trainer.Configuration.Control?

    @Flag(help: "Print the plan (layers, cores, bonds, parameters, memory, tokens, time) and write nothing.")
    var dryRun = false

    @Option(parsing: .unconditional, help: ArgumentHelp("Worker threads; 0 takes one for each processor. The numbers do not depend on it. (default: the configuration's)", valueName: "n"))
    var threads: Int?

    @Flag(help: "Tell on standard error what the run does inside: times of each stage, memory, processor features.")
    var verbose = false

    func validate() throws {
        if let threads, !(0...4096).contains(threads) { throw ValidationError("--threads is \(threads); expected a number from 0 to 4096.") }
        let unknown = Trainer.Configuration.unknownKeys(among: allowChanges)
        if !unknown.isEmpty { throw ValidationError(unknown.map(\.description).joined(separator: "\n")) }
    }

    func run() throws {
        // The plan of a dry run is all that it makes.
        if !dryRun { Console.workWithoutReader() }
        let cluster = try Launch.join()
        if cluster.isFirst, !dryRun { Console.beginLog() }
        try Ranks.run(on: cluster) { try run(on: cluster) }
    }

    private func run(on cluster: any Communicator) throws {
        AddressSpace.warnOfLimit()
        var configuration = try config.load(adding: threads.map { ["threads=\($0)"] } ?? [])
        if let control { configuration = configuration.control(control) }
        var job = HealingJob(configuration, resume: try place(configuration), allowedChanges: allowChanges)
        if !dryRun { try configuration.requirePaths(goesOn: try job.goesOn) }
        // Not only at the end of a long run.
        if cluster.isFirst, let target = configuration.exportDirectory { try ExportDirectory.requireWritable(target, overwrite: false) }
        job.cluster = cluster
        job.log = Logger(label: "heal") { ConsoleLog(label: $0) }
        job.log.logLevel = verbose ? .debug : .warning
        if dryRun {
            let outline = try job.outline()
            if cluster.isFirst { Console.warn(outline.warnings) }
            if cluster.isFirst { Console.print(try PlanReport(outline, configuration).text()) }
            return
        }
        let reporter = JobReporter(configuration, mayStartAnew: job.resume == .latest, command: ShellText.command(["heal"] + CommandLine.arguments.dropFirst()))
        let (stage, isFirst, unit) = (reporter.stage, cluster.isFirst, cluster.isAlone ? "micro-batch" : "step")
        let interruption = Interruption { if isFirst { Console.printError(StopText.asked(stage.current, unit: unit)) } }
        let request = interruption.request
        let result: JobResult
        do {
            result = try withExtendedLifetime(interruption) { try job.run(stop: { request.isMade }, watch: reporter.report) }
        } catch let error as RunEndedError {
            var failure = Failure(error)
            if error.checkpoint != nil { failure.add(lines: ["to go on:", "  \(resumption)"]) }
            throw failure
        } catch {
            throw reporter.completing(Failure(error))
        }
        Console.status("")
        if case .stopped = result.ending {
            if cluster.isFirst { Console.print(StopText.stopped(result, stage.current, command: resumption)) }
            Console.finish()
            // The signal may have reached one rank only.
            let signal = cluster.gather([Double(request.signal)]).map { Int32($0[0]) }.max() ?? 0
            throw ExitCode(signal == 0 ? ExitStatus.failure.rawValue : Interruption.Request.status(signal))
        }
    }

    private func place(_ configuration: Trainer.Configuration) throws -> HealingJob.Resume {
        switch resume ?? configuration.resumeFromCheckpoint {
        case nil: return .no
        case Self.latest: return .latest
        case let path?:
            guard configuration.existingModel(path) != nil else { throw Failure("\(path): no such checkpoint", .missingInput) }
            return .checkpoint(path)
        }
    }

    /// The command that goes on with this run.
    private var resumption: String {
        var words = ["heal", "--config", config.path]
        if !config.overrides.isEmpty { words += ["--set"] + config.overrides }
        if let control { words += ["--control", control.rawValue] }
        if let threads { words += ["--threads", "\(threads)"] }
        return ShellText.command(words + ["--resume"])
    }
}

extension Trainer.Configuration.Control: ExpressibleByArgument {}
