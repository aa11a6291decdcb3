import ArgumentParser
import Foundation
import HealData
import Kernels
import Trainer

/// Healing steps on real rows, packed as in training: what counts is the rows' own tokens, however many positions were computed.
struct PackedBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packed", abstract: "Healing steps on the first rows of a data set, packed as in training.")
    @OptionGroup var options: CommonOptions
    @OptionGroup var shape: StepOptions
    @Argument(help: "Rows in any format that heal reads, .gz too.") var rows: String
    @Option(help: "Rows taken from the start of the file.") var first = 64
    @Option(help: "The chat template; the model's own otherwise.") var template: String?

    func run() throws {
        options.apply()
        let subject = try shape.subject()
        let excerpt = try TemporaryFile(name: "rows.jsonl")
        try excerpt.write(firstRows: first, of: rows)
        let opened = try OpenedModel.open(shape.model)
        let template = try opened.chatTemplate(forced: try template.map(Self.templateName))
        let dataset = try Dataset(
            files: [DatasetFile(path: excerpt.path)], encoder: SampleEncoder(tokenizer: opened.tokenizer, template: template, maxLength: shape.length))
        var steps = 0, packedRows = 0, tokens = 0, labelled = 0, samples = 0
        try options.show {
            // One pass over the rows, tokenised in the background meanwhile.
            var stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: shape.batch), epochs: 1)
            (steps, packedRows, tokens, labelled, samples) = (0, 0, 0, 0, 0)
            while let batch = try stream.next() {
                _ = try subject.step(batch)
                steps += 1
                packedRows += batch.rows
                tokens += batch.tokens.count
                labelled += batch.trainedTokens
                samples += batch.segments.count - 1
            }
        } as: { timing in
            Row(
                name: "packed \(subject.name) \(shape.dtype) \(URL(fileURLWithPath: rows).lastPathComponent) \(first) rows into \(shape.label)", timing,
                figures: [
                    ("useful_tokens_per_second", Double(tokens) / timing.seconds, "useful tokens/s"),
                    ("labelled_tokens_per_second", Double(labelled) / timing.seconds, "labelled tokens/s"),
                    ("useful_tokens", Double(tokens), "useful tokens"), ("samples", Double(samples), "samples"), ("steps", Double(steps), "steps"),
                    ("fill", Double(tokens) / Double(packedRows * shape.length) * 100, "% of the packed rows filled"),
                    ("peak_gigabytes", Double(ProcessMemory.peak ?? 0) / 1e9, "GB peak"),
                ])
        }
    }

    static func templateName(_ text: String) throws -> ChatTemplate.Name {
        guard let name = ChatTemplate.Name(rawValue: text) else { throw ValidationError("\(text) is no chat template") }
        return name
    }
}
