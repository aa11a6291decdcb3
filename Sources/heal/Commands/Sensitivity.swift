import ArgumentParser
import Basics
import Foundation
import Trainer

struct Sensitivity: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how the loss depends on the size of each matrix.",
        discussion: """
            Compresses one group of matrices at a time, at a few sizes, fitted as the configuration says, while everything else stays dense, and measures \
            what the loss on held-back rows rises by. Beside it stands the rise that is predicted from gradients and output errors, by which \
            compression.budget "auto" spreads parameters: where the two agree in rank, it spends them well.

              heal sensitivity --config configs/stories260k.json
              heal sensitivity --config configs/smollm2-135m.json --rows 100 \\
                  --layers 0-3 --match '{q,down}_proj' --keeps 0.4,0.8

            Writes sensitivity.json, the picture sensitivity.svg, and measurements.jsonl, in which each measurement stands as soon as it is made: after \
            Ctrl-C or a kill the same command goes on. Each matrix is fitted to what it gets in the original model.
            """)

    @OptionGroup var config: ConfigurationOptions

    @Option(name: [.short, .long], help: ArgumentHelp("The directory for the results. (default: sensitivity in the output directory)", valueName: "directory"), completion: .directory)
    var out: String?

    @Option(help: ArgumentHelp("What is compressed together: each matrix alone, all of a kind, or a block.", valueName: "group"))
    var by = SensitivityGrouping.matrix

    @Option(help: ArgumentHelp("The shares of their parameters that groups keep.", valueName: "shares"))
    var keeps = "0.2,0.4,0.6,0.8"

    @Option(help: ArgumentHelp("Look at these blocks only, such as 0-3,8.", valueName: "blocks"))
    var layers: String?

    @Option(help: ArgumentHelp("Look at matrices with such names only, such as '{q,down}_proj'.", valueName: "pattern"))
    var match: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Held-back rows to measure on. (default: the configuration's eval_max_rows)", valueName: "n"))
    var rows: Int?

    @OptionGroup var threads: ThreadOption

    func validate() throws {
        _ = try shares()
        if let rows, rows < 1 { throw ValidationError("--rows is \(rows); expected at least 1.") }
        if let layers, LayerRanges(layers) == nil { throw ValidationError("--layers is \"\(layers)\"; expected \(LayerRanges.expectation).") }
        if let match {
            do { _ = try NamePattern(match) } catch { throw ValidationError("--match: \(error.message)") }
        }
    }

    private func shares() throws -> [Double] {
        let parts = keeps.split(separator: ",", omittingEmptySubsequences: false)
        let shares = parts.compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }.filter { $0 > 0 && $0 < 1 }
        guard shares.count == parts.count, Set(shares).count == shares.count else {
            throw ValidationError("--keeps is \"\(keeps)\"; expected different numbers above 0 and below 1, such as 0.2,0.5.")
        }
        return shares.sorted()
    }

    func run() throws {
        Console.workWithoutReader()
        threads.apply()
        let configuration = try config.load()
        let opened = try configuration.openModel()
        let directory = out ?? configuration.outputPath(configuration.outputDirectory) + "/sensitivity"
        var job = SensitivityJob(configuration, directory: directory)
        job.grouping = by
        job.keeps = try shares()
        job.layers = layers.flatMap(LayerRanges.init)
        job.match = try match.map { try NamePattern($0) }
        if let rows { job.rows = rows }
        let dataset = try HealingJob(configuration).dataset(opened)
        let interruption = Interruption { Console.printError("stopping; the same command goes on from here. Once more to leave at once.") }
        let request = interruption.request, start = ContinuousClock.now
        let found = try withExtendedLifetime(interruption) {
            try job.run(opened, dataset, stop: { request.isMade }, warn: { Console.warn([$0]) }) { Console.progress(Self.text($0)) }
        }
        Console.status("")
        guard let profile = found else {
            Console.print("stopped; what was measured is in \(directory)/measurements.jsonl, and the same command goes on")
            Console.finish()
            throw ExitCode(Interruption.Request.status(request.signal))
        }
        let json = directory + "/sensitivity.json", svg = directory + "/sensitivity.svg"
        try FileSystem.writeAtomically(Array((profile.json.text(indented: true) + "\n").utf8), to: json)
        try FileSystem.writeAtomically(Array(SensitivityFigure(profile).svg.utf8), to: svg)
        Console.print(JobText.lines([
            ("model", opened.path),
            ("measured on", "\(HumanFormat.grouped(profile.rows)) held-back rows, \(HumanFormat.grouped(profile.tokens)) tokens"),
            ("dense", "loss \(HumanFormat.fixed(profile.denseLoss, decimals: 4)), perplexity \(HumanFormat.significant(exp(profile.denseLoss)))"),
        ]))
        Console.print("\n" + SensitivityTable(profile).text())
        Console.print("\nwrote \(json) and \(svg); \(HumanFormat.duration((ContinuousClock.now - start) / .seconds(1)))")
    }

    private static func text(_ progress: SensitivityProgress) -> FittedLine {
        let work =
            switch progress.phase {
            case .dense: "measuring the dense model"
            case .gradients: "measuring how the loss depends on each matrix"
            case .fits: "decomposing"
            case .measurements: "measuring"
            }
        let left = progress.secondsLeft.map { "\(HumanFormat.duration($0)) left" } ?? ""
        return FittedLine([.init("\(work) \(progress.done)/\(progress.total)"), .init(progress.name, rank: 2, shortens: true), .init(left, rank: 1)])
    }
}

extension SensitivityGrouping: ExpressibleByArgument {}
