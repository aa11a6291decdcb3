import ArgumentParser
import Basics
import Foundation
import Trainer

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a page with pictures about a run, or several side by side.",
        discussion: """
            Takes the output directories of runs and writes one HTML file that needs nothing else: what was run; perplexities before compression, after it and after \
            healing, on held-back rows and on texts of other domains ("eval_texts"); curves of the loss; what each matrix kept and lost; what the dense, the truncated and the healed model say \
            ("sample_steps"); time and memory. What cannot be compared, as losses on other rows, is marked. A run may still be going on.

              heal report runs/stories260k
              heal report runs/smollm2-135m runs/smollm2-135m-control-svd \\
                  --out comparison.html
            """)

    @Argument(help: ArgumentHelp("Output directories.", valueName: "run"), completion: .directory)
    var runs: [String]

    @Option(name: [.short, .long], help: ArgumentHelp("The file to write; report.html in the first directory otherwise.", valueName: "file"), completion: .file())
    var out: String?

    func run() throws {
        let records = try runs.map(RunRecord.init)
        let path = out ?? runs[0] + "/report.html"
        try FileSystem.writeAtomically(Array(ReportPage(records).html.utf8), to: path)
        Console.print("wrote \(path)")
    }
}
