import ArgumentParser
import Models
import Trainer

struct Compress: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decompose a model's matrices into cores, and nothing else.",
        discussion: """
            Takes the model, the group "compression" and the rows to calibrate on of a configuration, writes the cores as an mpo export (with which \
            generate, score, inspect and a configuration's "model" go on), and prints how much of each matrix was lost: of its output on rows that were \
            not fitted, E|Wx - W'x|^2 / E|Wx|^2, and of the matrix itself, ||W - W'|| / ||W||.

              heal compress --config configs/stories260k.json --out out/stories260k-mpo
              heal compress --config configs/stories260k.json --out out/gentler \\
                  --set compression.keep=0.7
            """)

    @OptionGroup var config: ConfigurationOptions

    @Option(name: [.short, .long], help: ArgumentHelp("The directory to make.", valueName: "directory"), completion: .directory)
    var out: String

    @Option(help: ArgumentHelp("The type to store cores and other tensors in.", valueName: "type"))
    var dtype = ExportDType.fp32

    @Flag(help: "Replace what is at the place, whatever it is.")
    var overwrite = false

    @OptionGroup var threads: ThreadOption

    func run() throws {
        Console.workWithoutReader()
        threads.apply()
        let configuration = try config.load()
        let calibrates = configuration.compression.initialization == .activation
        let opened = try configuration.openModel(needsData: calibrates)
        let plan = try configuration.plan(opened.configuration, present: opened.layouts)
        guard !plan.compressed.isEmpty else {
            throw Failure("\(config.path): no matrix is to be compressed; see \"compression\"", .configuration)
        }
        try ExportDirectory.requireOther(out, than: configuration.existingModel(configuration.model) ?? configuration.model)
        try ExportDirectory.requireWritable(out, overwrite: overwrite, bytes: plan.total * (dtype == .bf16 ? 2 : 4))
        Console.print(JobText.lines([
            ("model", opened.path), ("parameters", JobText.parameters(plan)), ("compression", JobText.compression(plan)),
        ]))
        Console.flush()
        var weights = try opened.weights(leavingOut: Set(plan.compressed.map(\.name)).subtracting(opened.layouts.keys))
        let job = HealingJob(configuration)
        let rows = calibrates ? try job.dataset(opened) : nil
        let start = ContinuousClock.now
        let cache = job.sharedCache
        let compute = try job.calibrationCompute(opened.configuration)
        let interruption = Interruption { Console.printError(StopText.asked(.decomposing(matrices: plan.compressed.count), unit: "")) }
        let request = interruption.request
        let results = try withExtendedLifetime(interruption) {
            try job.decompose(
                opened, plan, rows, compute: compute, into: &weights, cache: cache, stop: { request.isMade },
                note: { Console.print("note: \($0.withoutCommandsAndLines)") }
            ) { Console.progress(JobText.progress($0)) }
        }
        if request.isMade { throw stopped(request, cache: cache) }
        if let warning = cache?.warning { Console.warn([warning]) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let summary = try MPOExport.write(opened, weights: weights, to: out, dtype: dtype, overwrite: overwrite) { progress in
            Console.progress("writing", progress.done, of: progress.total, progress.name)
        }
        Console.status("")
        let errors = Dictionary(results.map { ($0.name, $0.relativeError) }) { first, _ in first }
        Console.print("\n" + MatrixTable(plan.settled(weights.layouts).entries, errors: errors).text())
        if calibrates, !results.isEmpty { Console.print("\n" + FitTable(results).text()) }
        Console.print("\n\(JobText.decomposed(results)); \(HumanFormat.duration(seconds))")
        Console.print("wrote \(summary.directory) (\(HumanFormat.grouped(summary.parameters)) parameters, \(HumanFormat.bytes(summary.bytes)))")
    }

    /// Says what is kept of a decomposition that was stopped.
    private func stopped(_ request: Interruption.Request, cache: DecompositionCache?) -> ExitCode {
        Console.status("")
        let kept = cache.map { "what is decomposed is kept in \($0.directory), and the same command continues" }
        Console.print("stopped while decomposing; " + (kept ?? "nothing was written. With \"compression.cache\" finished matrices are kept"))
        Console.finish()
        return ExitCode(Interruption.Request.status(request.signal))
    }
}

extension ExportDType: ExpressibleByArgument {}
