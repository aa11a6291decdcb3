import ArgumentParser
import Models
import Trainer

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a checkpoint as a model for other programs.",
        discussion: """
            hf: a dense Hugging Face directory, each matrix multiplied out from its cores, with tokenizer and configuration; stock tools load it \
            without any code of ours. mpo: the cores as they are, in safetensors with a manifest.

              heal export --checkpoint runs/stories260k --to hf out/stories260k
              heal export --checkpoint runs/stories260k --to mpo --dtype fp32 out/cores
            """)

    enum Target: String, ExpressibleByArgument, CaseIterable { case hf, mpo }

    @Option(
        help: ArgumentHelp("A checkpoint (.h5), a run's directory (its newest valid checkpoint), or any other model.", valueName: "checkpoint"),
        completion: .file())
    var checkpoint: String

    @Option(help: ArgumentHelp("What to write.", valueName: "form"))
    var to: Target

    @Option(help: ArgumentHelp("The type to store tensors in.", valueName: "type"))
    var dtype = ExportDType.bf16

    @Flag(help: "Replace what is at the place, whatever it is.")
    var overwrite = false

    @OptionGroup var threads: ThreadOption

    @Argument(help: ArgumentHelp("The directory to make.", valueName: "out"), completion: .directory)
    var out: String

    func run() throws {
        Console.workWithoutReader()
        threads.apply()
        try OpenedModel.requireSomething(at: checkpoint)
        let opened = try OpenedModel.open(checkpoint, skipped: Console.warnOfSkipped)
        Console.warn(opened.warnings)
        try ExportDirectory.requireOther(out, than: checkpoint)
        try ExportDirectory.requireWritable(out, overwrite: overwrite)
        let weights = try opened.weights()
        func show(_ progress: ExportProgress) { Console.progress("writing", progress.done, of: progress.total, progress.name) }
        let summary =
            switch to {
            case .hf: try HuggingFaceExport.write(opened, weights: weights, to: out, dtype: dtype, overwrite: overwrite, progress: show)
            case .mpo: try MPOExport.write(opened, weights: weights, to: out, dtype: dtype, overwrite: overwrite, progress: show)
            }
        Console.status("")
        Console.print(
            "wrote \(summary.directory): \(to.rawValue) from \(opened.path), \(HumanFormat.grouped(summary.parameters)) parameters in \(dtype.rawValue), "
                + HumanFormat.bytes(summary.bytes))
    }
}
