import Basics
import Foundation

/// A TensorBoard event file: `train/...` and `eval/...` scalars, samples and warnings as text.
///
/// Records are framed as TFRecord: length, its masked CRC-32C, the data, its masked CRC-32C. The data is the message `Event` of `tensorflow/core/util/event.proto`.
package final class TensorBoardFile: RunEventSink {
    package let path: String
    private let file: AppendedFile
    private let now: () -> Double
    private var hasHyperparameters = false

    /// Begins a new file in the directory. TensorBoard reads all files of a directory as one run, in the order of their names.
    ///
    /// - Parameters:
    ///   - resumedStep: the step of the checkpoint that the run goes on from; readers then forget what earlier files say about later steps. nil
    ///     for a run from the beginning, which makes them forget all earlier files.
    ///   - about: the run's configuration, for the plugins "hparams" and "text".
    ///   - now: seconds since 1970.
    package init(directory: String, resumedStep: Int?, about: JSON? = nil, now: @escaping () -> Double = { Date().timeIntervalSince1970 }) throws(StorageError) {
        self.now = now
        try FileSystem.createDirectory(directory)
        path = (directory as NSString).appendingPathComponent(Self.fileName(in: directory, second: Int(now())))
        file = try AppendedFile(path: path)
        try append { $0.add(field: Field.Event.version, text: "brain.Event:2") }
        try append {
            $0.add(field: Field.Event.step, integer: (resumedStep ?? -1) + 1)
            $0.add(field: Field.Event.sessionLog) { $0.add(field: 1, integer: 1) }  // status: START
        }
        guard let about else { return }
        for value in HyperparameterEvents.beginning(about, time: now()) { try append(hyperparameters: value) }
        try append(step: (resumedStep ?? -1) + 1, tag: "configuration/text_summary", text: HyperparameterEvents.text(about))
        hasHyperparameters = true
    }

    package func record(_ event: RunEvent) throws {
        switch event {
        case .step(let report):
            var scalars = [
                ("train/loss", report.loss), ("train/learning_rate", report.learningRate), ("train/grad_norm", report.gradientNorm),
                ("train/epoch", report.epoch), ("speed/tokens_per_second", report.tokensPerSecond), ("speed/seconds_per_step", report.seconds),
            ]
            if let parts = report.parts { scalars += [("train/ce", parts.crossEntropy), ("train/kl", parts.divergence)] }
            if let bytes = report.memoryBytes { scalars.append(("speed/memory_gib", Double(bytes) / 0x1p30)) }
            try append(step: report.step, scalars: scalars)
        case .evaluation(let report):
            // One curve each: dense is a single point to compare with, truncated is where healing begins.
            let prefix = (report.stage == .dense ? "eval_dense" : "eval") + (report.text.map { "_\($0)" } ?? "")
            try append(step: report.step, scalars: [("\(prefix)/loss", report.loss), ("\(prefix)/perplexity", report.perplexity)])
        case .sample(let step, let stage, let prompt, let text):
            try append(step: step, tag: stage == .healing ? "sample" : "sample_\(stage.rawValue)", text: "**\(prompt)**\n\n\(text)")
        case .warning(let step, let message):
            try append(step: step ?? 0, tag: "warning", text: message)
        case .checkpoint, .end:
            break
        }
    }

    package func synchronize() throws { try file.synchronize() }
    package func close() throws {
        if hasHyperparameters { try append(hyperparameters: HyperparameterEvents.end(time: now())) }
        try file.close()
    }

    /// The numbers of the fields used, from TensorFlow's event.proto, summary.proto and tensor.proto.
    private enum Field {
        enum Event {
            static let wallTime = 1, step = 2, version = 3, summary = 5, sessionLog = 7
        }
        enum Value {
            static let tag = 1, simpleValue = 2, tensor = 8, metadata = 9
        }
    }

    private func append(step: Int, scalars: [(tag: String, value: Double)]) throws(StorageError) {
        try append {
            $0.add(field: Field.Event.step, integer: step)
            $0.add(field: Field.Event.summary) { summary in
                for scalar in scalars {
                    summary.add(field: 1) {
                        $0.add(field: Field.Value.tag, text: scalar.tag)
                        $0.add(field: Field.Value.simpleValue, float: Float(scalar.value))
                    }
                }
            }
        }
    }

    private func append(step: Int, tag: String, text: String) throws(StorageError) {
        try append {
            $0.add(field: Field.Event.step, integer: step)
            $0.add(field: Field.Event.summary) {
                $0.add(field: 1) {
                    $0.add(field: Field.Value.tag, text: tag)
                    $0.add(field: Field.Value.tensor) {
                        $0.add(field: 1, integer: 7)  // dtype: DT_STRING
                        $0.add(field: 2) { $0.add(field: 2) { $0.add(field: 1, integer: 1) } }  // tensor_shape.dim.size
                        $0.add(field: 8, text: text)  // string_val
                    }
                    $0.add(field: Field.Value.metadata) { $0.add(field: 1) { $0.add(field: 1, text: "text") } }  // plugin_data.plugin_name
                }
            }
        }
    }

    private func append(hyperparameters value: HyperparameterEvents.Value) throws(StorageError) {
        try append {
            $0.add(field: Field.Event.summary) {
                $0.add(field: 1) {
                    $0.add(field: Field.Value.tag, text: value.tag)
                    $0.add(field: Field.Value.metadata) {
                        $0.add(field: 1) {  // plugin_data
                            $0.add(field: 1, text: "hparams")
                            $0.add(field: 2, bytes: value.content)
                        }
                    }
                }
            }
        }
    }

    private func append(_ body: (inout ProtocolBuffer) -> Void) throws(StorageError) {
        var event = ProtocolBuffer()
        event.add(field: Field.Event.wallTime, double: now())
        body(&event)
        try file.append(Self.framed(event.bytes))
    }

    /// One TFRecord.
    static func framed(_ data: [UInt8]) -> [UInt8] {
        func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let length = littleEndian(UInt64(data.count))
        return length + littleEndian(CRC32C.masked(length)) + data + littleEndian(CRC32C.masked(data))
    }

    /// A name that sorts after those that are there.
    private static func fileName(in directory: String, second: Int) -> String {
        let names = (try? FileSystem.names(in: directory)) ?? []
        let prefix = "events.out.tfevents."
        let latest = names.filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count).prefix { $0 != "." }) }.max() ?? 0
        let number = String(max(second, latest < .max ? latest + 1 : latest))
        return prefix + String(repeating: "0", count: max(0, 10 - number.count)) + number + ".heal"
    }
}
