import Foundation
import HealData

/// A file that vanishes with the value.
final class TemporaryFile {
    let path: String
    private let directory: URL

    init(name: String) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("heal-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        path = directory.appendingPathComponent(name).path
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Writes the first `count` rows of a file as JSON lines.
    func write(firstRows count: Int, of source: String) throws {
        let rows = try RowFile(path: source)
        var text = Data()
        for row in 0..<min(count, rows.rowCount) { text += try Self.line(rows.bytes(ofRow: row)) }
        try text.write(to: URL(fileURLWithPath: path))
    }

    /// Writes the rows of `sources`, again and again until there are `bytes` bytes. A number in each keeps rows from being equal.
    func write(rowsOf sources: [String], upTo bytes: Int) throws {
        let rows = try sources.flatMap { source in
            let file = try RowFile(path: source)
            return try (0..<file.rowCount).map { try Self.line(file.bytes(ofRow: $0)) }
        }
        try Data().write(to: URL(fileURLWithPath: path))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? file.close() }
        var written = 0, number = 0
        var text = Data()
        while written < bytes {
            text.removeAll(keepingCapacity: true)
            for row in rows where row.first == UInt8(ascii: "{") {
                number += 1
                text += Data("{\"number\": \(number), ".utf8) + row.dropFirst()
            }
            guard !text.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
            try file.write(contentsOf: text)
            written += text.count
        }
    }

    /// A row of a JSON array may hold line ends between its tokens; they are blanks.
    private static func line(_ row: [UInt8]) -> Data { Data(row.map { $0 == 0x0A ? 0x20 : $0 }) + [0x0A] }
}
