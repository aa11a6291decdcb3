import ArgumentParser
import Models
import Trainer

struct Compress: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decompose a model's matrices into cores, and nothing else.",
        discussion: """
            Takes the model and the group "compression" of a configuration, writes the cores as an mpo export (with which generate, score, inspect and \
            a configuration's "model" go on), and prints how much of each matrix was lost: ||W - W'|| / ||W|| in the Frobenius norm.

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
        let opened = try configuration.openModel(needsData: false)
        let plan = try CompressionPlan(opened.configuration, configuration.compression, present: opened.layouts)
        guard !plan.compressed.isEmpty else {
            throw Failure("\(config.path): no matrix is to be compressed; see \"compression\"", .configuration)
        }
        try ExportDirectory.requireWritable(out, overwrite: overwrite)
        Console.print(JobText.lines([
            ("model", opened.path), ("parameters", JobText.parameters(plan)), ("compression", JobText.compression(plan)),
        ]))
        Console.flush()
        var weights = try opened.weights(leavingOut: Set(plan.compressed.map(\.name)).subtracting(opened.layouts.keys))
        let results = try Compressor().run(
            plan, from: opened.source, into: &weights,
            progress: { Console.status(JobText.progress($0)) })
        let summary = try MPOExport.write(opened, weights: weights, to: out, dtype: dtype, overwrite: overwrite) { progress in
            Console.status("writing \(progress.done)/\(progress.total)  \(progress.name)")
        }
        Console.status("")
        let errors = Dictionary(results.map { ($0.name, $0.relativeError) }) { first, _ in first }
        Console.print("\n" + MatrixTable(plan.entries, errors: errors).text())
        Console.print("\nwrote \(summary.directory) (\(HumanFormat.grouped(summary.parameters)) parameters, \(HumanFormat.bytes(summary.bytes)))")
    }
}

extension ExportDType: ExpressibleByArgument {}
