import Basics
import Foundation

/// `metrics.jsonl`: one JSON object a line for each step report, evaluation, sample and warning, and one for the end.
///
/// A run that was stopped and resumed leaves the same file as one that never stopped, apart from the members `seconds`, `tokens_per_second`,
/// `memory_bytes` and `joules`. Checkpoints are therefore not in it: when they are written depends on when a run is stopped. An earlier end is taken out
/// when the run goes on.
package final class MetricsFile: RunEventSink {
    private let file: AppendedFile

    /// - Parameter resumedStep: the step of the checkpoint that the run goes on from: what the file says about later steps is taken out, and so is a line that
    ///   a killed process left unfinished. nil begins a new file in place of an old one.
    package init(path: String, resumedStep: Int?) throws(StorageError) {
        try Self.keepLines(upTo: resumedStep, path: path)
        file = try AppendedFile(path: path)
    }

    package func record(_ event: RunEvent) throws {
        if let line = Self.line(event) { try file.append(Array((line + "\n").utf8)) }
    }

    package func synchronize() throws { try file.synchronize() }
    package func close() throws { try file.close() }

    /// The line of an event without its end; nil for events that are not kept.
    package static func line(_ event: RunEvent) -> String? {
        func object(_ type: String, _ step: Int, _ members: [(String, JSON)]) -> String {
            // Type and step first: a person reads them first.
            let members = [("type", JSON(.string(type))), ("step", JSON(.integer(step)))] + members
            return "{" + members.map { "\(JSON(.string($0.0)).text()):\($0.1.text())" }.joined(separator: ",") + "}"
        }
        switch event {
        case .step(let report):
            return object(
                "step", report.step,
                [
                    ("total_steps", JSON(.integer(report.totalSteps))), ("epoch", JSON(.number(report.epoch))), ("loss", JSON(.number(report.loss))),
                ] + (report.parts.map { [("ce", JSON(.number($0.crossEntropy))), ("kl", JSON(.number($0.divergence)))] } ?? []) + [
                    ("learning_rate", JSON(.number(report.learningRate))), ("grad_norm", JSON(.number(report.gradientNorm))),
                    ("tokens", JSON(.integer(report.tokens))), ("trained_tokens", JSON(.integer(report.trainedTokens))),
                    ("tokens_per_second", JSON(.number(report.tokensPerSecond))), ("seconds", JSON(.number(report.seconds))),
                    ("memory_bytes", report.memoryBytes.json),
                ] + (report.joules.map { [("joules", JSON(.number($0)))] } ?? []) + (report.exchangedBytes.map { [("exchanged_bytes", JSON(.integer($0)))] } ?? []))
        case .evaluation(let report):
            return object(
                "evaluation", report.step,
                [("stage", JSON(.string(report.stage.rawValue)))] + (report.text.map { [("text", JSON(.string($0)))] } ?? []) + [
                    ("loss", JSON(.number(report.loss))),
                    ("perplexity", JSON(.number(report.perplexity))), ("rows", JSON(.integer(report.rows))),
                    ("tokens", JSON(.integer(report.tokens))), ("seconds", JSON(.number(report.seconds))),
                ])
        case .warning(let step, let message):
            return step.map { object("warning", $0, [("message", JSON(.string(message)))]) }
        case .sample(let step, let stage, let prompt, let text):
            return object("sample", step, [("stage", JSON(.string(stage.rawValue))), ("prompt", JSON(.string(prompt))), ("text", JSON(.string(text)))])
        case .end(let report):
            return object(
                "end", report.step,
                [("ending", JSON(.string(report.ending.rawValue))), ("total_steps", JSON(.integer(report.totalSteps)))]
                    + (report.resultStep.map { [("result_step", JSON(.integer($0)))] } ?? [])
                    + [("tokens", JSON(.integer(report.tokens))), ("seconds", JSON(.number(report.seconds)))])
        case .checkpoint:
            return nil
        }
    }

    /// Takes out the lines of later steps, that of an end and unfinished lines. The old file stays until the new one is complete.
    private static func keepLines(upTo step: Int?, path: String) throws(StorageError) {
        // Devices have no past.
        guard FileSystem.kind(of: path) == .file else { return }
        let contents = try FileSystem.readAll(path, limit: .max)
        var kept: [UInt8] = []
        if let step {
            var rest = contents[...]
            while let end = rest.firstIndex(of: 0x0A) {
                let line = rest[rest.startIndex..<end]
                if let json = try? JSONParser.parse(Array(line)), case .integer(let number) = json["step"]?.value, number <= step,
                    json["type"] != JSON(.string("end"))
                {
                    kept += line + [0x0A]
                }
                rest = rest[(end + 1)...]
            }
        }
        if kept.count == contents.count { return }
        try FileSystem.writeAtomically(kept, to: path)
    }
}
