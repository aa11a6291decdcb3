import Basics
import HealData
import Kernels
import Synchronization

/// Rows of a data set to ids and labels, one JSON object a line.
struct RowTokenizing {
    private let encoder: SampleEncoder
    private let format: DataFormat?
    private let columns: ColumnNames
    private let isCut: Bool

    init(_ source: TokenizerSource, _ options: Tokenize) throws {
        encoder = SampleEncoder(
            tokenizer: source.tokenizer, template: try source.chatTemplate(options.template), maxLength: options.maxLength ?? .max,
            trainOnPrompt: options.trainOnPrompt)
        format = options.format
        columns = options.columns ?? ColumnNames()
        isCut = options.maxLength != nil
    }

    func run(_ path: String) throws {
        try RowReport.requireSomething(at: path)
        // Blocks of a text file are as long as in training with the length limit.
        let file = try isCut ? RowFile(path: path, blockBytes: 2 * encoder.maxLength) : RowFile(path: path)
        let format = try FormatDetection.format(of: file, forced: format, columns: columns)
        let group = 1024
        var told: Set<String> = []
        for start in stride(from: 0, to: file.rowCount, by: group) {
            let rows = start..<min(file.rowCount, start + group)
            let outcomes = Mutex<[Result<Line, any Error>]>(Array(repeating: .success(Line()), count: rows.count))
            Parallel.forEach(rows.count) { i in
                let outcome = Result { try line(rows.lowerBound + i, file, format) }
                outcomes.withLock { $0[i] = outcome }
            }
            for (row, outcome) in zip(rows, outcomes.withLock { $0 }) {
                let line = try outcome.get()
                for key in line.unreadKeys where told.insert(key).inserted {
                    Console.printError("note: \("\(file.place(ofRow: row)): `\(key)` is not read".withoutCommandsAndLines)")
                }
                line.text.withUnsafeBytes(Console.write)
            }
        }
    }

    private struct Line: Sendable {
        var text: [UInt8] = []
        var unreadKeys: [String] = []
    }

    private func line(_ row: Int, _ file: RowFile, _ format: DataFormat) throws -> Line {
        do {
            let (conversation, unreadKeys) = try file.reading(ofRow: row, format: format, columns: columns)
            var encoded = try encoder.encode(conversation)
            if encoded.tokens.count > encoder.maxLength { encoded.keep(encoder.maxLength, fromPart: 0) }
            var output = Array(#"{"ids":"#.utf8)
            output.append(ids: encoded.tokens)
            output += Array(#","labels":"#.utf8)
            output.append(ids: zip(encoded.tokens, encoded.trained).lazy.map { $1 ? $0 : Sample.ignoredLabel })
            if case .skipped(let reason) = try encoder.outcome(of: conversation) {
                output += Array(#","skipped":\#(JSONText.quoted(reason.words))"#.utf8)
            }
            return Line(text: output + Array("}\n".utf8), unreadKeys: unreadKeys)
        } catch let error as RecordError {
            throw DataError(.badRow, at: file.place(ofRow: row), error.description)
        }
    }
}
