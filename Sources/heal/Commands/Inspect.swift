import ArgumentParser
import Basics
import Trainer

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a model, checkpoint or export holds.",
        discussion: """
            Configuration, matrices with their cores and bonds, parameters, how much of the dense model they are, and the size they take in fp32, fp16, \
            int8 and int4 (of the numbers alone, without scales). Of a checkpoint, also how far its run is. No weight is read.

              heal inspect models/stories260K
              heal inspect runs/stories260k --tensors
              heal inspect model.gguf --json
            """)

    @Argument(
        help: ArgumentHelp("A Hugging Face directory, a GGUF file, a checkpoint (.h5), a run's directory, or an mpo export.", valueName: "path"),
        completion: .file())
    var path: String

    @Flag(help: "List every tensor.")
    var tensors = false

    @Flag(help: "Write one JSON object.")
    var json = false

    func run() throws {
        let holding = try Holding(path)
        Console.print(json ? try holding.json(tensors: tensors).text(indented: true) : try holding.text(tensors: tensors))
    }
}
