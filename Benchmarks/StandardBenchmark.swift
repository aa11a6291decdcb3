import ArgumentParser
import Foundation
import Kernels

/// The standard set: every benchmark with the settings that figures are kept for, each in a process of its own, so that peak memory is its own too.
struct StandardBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "standard", abstract: "Run the standard set, write it as JSON, and compare it with another run.")
    @Option(help: "Worker threads; 0 takes one for each processor that may be used.") var threads = 0
    @Option(help: "Counted repetitions; the median is reported.") var repetitions = 5
    @Option(help: "A Hugging Face directory; SmolLM2 where models/README.md puts it, else the embedded model.") var model: String?
    @Option(help: "Rows for `packed` and `loading`.") var rows = "datasets/alpaca-dolly.jsonl"
    @Option(help: "Only benchmarks whose command line contains this.") var only: String?
    @Option(help: "The file to write; named after processor, date and commit under runs/benchmarks otherwise.") var output: String?
    @Option(help: "An earlier run to compare with.") var compare: String?
    @Option(help: "The share of time by which a row may become slower before it is marked.") var tolerance = 0.1

    private static let preferredModel = "models/SmolLM2-135M-Instruct"
    private static let embeddedModel = "models/stories260K"

    func run() throws {
        Parallel.threads = threads
        let baseline = try compare.map(BenchmarkReport.read)
        var report = BenchmarkReport(threads: Parallel.threads, repetitions: repetitions)
        print(Self.header(report))
        for arguments in commands where only.map({ arguments.joined(separator: " ").contains($0) }) ?? true {
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let status = try Subprocess.run(own, arguments + ["--json", "--threads", "\(threads)", "--repetitions", "\(repetitions)"]) { line in
                let row = try Row.decoder.decode(Row.self, from: Data(line.utf8))
                report.rows.append(row)
                print(row.line)
                fflush(nil)
            }
            if status != 0 { throw ValidationError("`\(arguments.joined(separator: " "))` ended with status \(status)") }
        }
        let path = output ?? Self.defaultOutput(report)
        try report.write(path)
        print("\nwritten to \(path)")
        if let compare, let baseline { print("\n" + Comparison(report, with: baseline, tolerance: tolerance).table(against: compare)) }
    }

    private var commands: [[String]] {
        let model = model ?? (FileManager.default.fileExists(atPath: Self.preferredModel) ? Self.preferredModel : Self.embeddedModel)
        let types = ["fp32"] + (GEMM.hasFastBFloat16 ? ["bf16"] : [])
        let template = model == Self.embeddedModel ? ["--template", "plain"] : []
        return [["roofline"], ["mpo"]] + types.map { ["step", model, "--dtype", $0] } + types.map { ["packed", model, rows, "--dtype", $0] + template }
            + [["tokenizer", model, rows], ["loading", model, rows, "--megabytes", "256", "--template", "plain"]]
    }

    private static func header(_ report: BenchmarkReport) -> String {
        let machine = report.machine
        return """
            \(machine.processor), \(report.threads) of \(machine.cores) cores, loops for \(machine.loops), oneDNN \(machine.onednn)
            \(report.date), commit \(report.commit.prefix(12))\(report.modified ? " with changes" : ""), medians of \(report.repetitions)

            """
    }

    private static func defaultOutput(_ report: BenchmarkReport) -> String {
        let processor = report.machine.processor.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "-")
        return "runs/benchmarks/\(processor)-\(report.date.filter { $0 != ":" })-\(report.commit.prefix(8)).json"
    }
}
