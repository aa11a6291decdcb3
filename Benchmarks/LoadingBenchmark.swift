import ArgumentParser
import Foundation
import HealData
import Kernels
import Trainer

/// What lies between a data set and the first batch, and how fast batches come when nothing else is done.
struct LoadingBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loading", abstract: "Opening a data set, its first batch, and batches as fast as they come.")
    @OptionGroup var options: CommonOptions
    @Argument(help: "A directory with a tokenizer.") var tokenizer: String
    @Argument(help: "Data sets, JSON lines or arrays.") var files: [String]
    @Option(help: "The chat template.") var template = "chatml"
    @Option(help: "Repeat the rows in a temporary file of so many megabytes; 0 takes the files as they are.") var megabytes = 0
    @Option(help: "Tokens of a packed row; a batch has four.") var length = 512

    func run() throws {
        options.apply()
        let encoder = SampleEncoder(
            tokenizer: try TokenizerFiles.load(directory: tokenizer), template: ChatTemplate(named: try PackedBenchmark.templateName(template)),
            maxLength: length)
        var paths = files
        let repeated = try TemporaryFile(name: "rows.jsonl")
        if megabytes > 0 {
            try repeated.write(rowsOf: files, upTo: megabytes * 1_000_000)
            paths = [repeated.path]
        }
        let size = megabytes > 0 ? "\(megabytes) MB" : files.map { URL(fileURLWithPath: $0).lastPathComponent }.joined(separator: " ")
        var data = DataOptions()
        // Repeated rows say the same: held back, they would take all others out.
        data.heldBack = megabytes > 0 ? .none : .fraction(0.01)
        let before = ProcessMemory.resident ?? 0
        func open() throws -> Dataset { try Dataset(files: paths.map { DatasetFile(path: $0) }, encoder: encoder, options: data) }
        func added() -> Double { Double((ProcessMemory.resident ?? 0) - before) / 1e6 }

        var dataset = try open()
        let bytes = dataset.sources.reduce(0) { $0 + $1.rows.byteCount }, rows = dataset.sources.reduce(0) { $0 + $1.rows.rowCount }
        let opening = try measure(options.repetitions) { dataset = try open() }
        Row(
            name: "loading open \(size)", opening,
            figures: [("megabytes_per_second", Double(bytes) / opening.seconds / 1e6, "MB/s"), ("rows", Double(rows), "rows"), ("added", added(), "MB added")]
        ).show(json: options.json)

        let shape = BatchShape(rowsPerBatch: 4)
        let first = try measure(options.repetitions) {
            var stream = try BatchStream(dataset, shape: shape)
            _ = try stream.next()
        }
        Row(name: "loading first batch \(size)", first).show(json: options.json)

        let batches = 200
        var stream = try BatchStream(dataset, shape: shape)
        var tokens = 0
        let streaming = try measure(options.repetitions) {
            tokens = 0
            for _ in 0..<batches { tokens += try stream.next()?.tokens.count ?? 0 }
        }
        Row(
            name: "loading \(batches) batches \(size)", streaming,
            figures: [
                ("tokens_per_second", Double(tokens) / streaming.seconds, "tokens/s"),
                ("fill", Double(tokens) / Double(batches * 4 * length) * 100, "% of the packed rows filled"), ("added", added(), "MB added"),
            ]
        ).show(json: options.json)
    }
}
