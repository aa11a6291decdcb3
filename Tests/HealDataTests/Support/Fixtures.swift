import Foundation
import HealData

/// A directory that vanishes with the value.
final class TemporaryDirectory {
    let url: URL

    init() {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("heal-data-\(UUID().uuidString)")
        try! FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file and gives its path.
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        let file = url.appendingPathComponent(name)
        try! Data(bytes).write(to: file)
        return file.path
    }

    func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

    /// A JSONL file with a row of every element.
    func write(_ name: String, rows: [[String: Any]]) -> String {
        let lines = rows.map { String(decoding: try! JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys]), as: UTF8.self) }
        return write(name, lines.map { $0 + "\n" }.joined())
    }

    /// Alpaca rows whose answers tell which row they are, of various lengths.
    func alpaca(_ name: String, count: Int, tag: String = "row") -> String {
        write(name, rows: (0..<count).map { ["instruction": "say", "output": "\(tag)\($0)" + String(repeating: "x", count: $0 * 7 % 23)] })
    }
}

/// `Tests/Golden/data`.
let goldenDirectory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden/data")

/// A data set over a byte tokenizer.
func byteDataset(
    _ files: [DatasetFile], template: ChatTemplate = .plain, maxLength: Int = 64, trainOnPrompt: Bool = false,
    _ configure: (inout DataOptions) -> Void = { _ in }
) throws -> Dataset {
    var options = DataOptions()
    options.packingWindow = 8
    options.seed = 7
    configure(&options)
    let encoder = SampleEncoder(tokenizer: ByteTokenizer(), template: template, maxLength: maxLength, trainOnPrompt: trainOnPrompt)
    return try Dataset(files: files, encoder: encoder, options: options)
}

/// The error that `body` throws, as text.
func message(_ body: () throws -> some Any) -> String {
    do {
        return "no error, but \(try body())"
    } catch {
        return "\(error)"
    }
}
