import Basics

/// Files that hold no rows as they are: what they are, and how to turn them into rows.
enum ForeignFile {
    /// What bytes at a file's start (unpacked, where it is gzip) show beyond doubt; nil where they may be text in UTF-8.
    static func complaint(start: UnsafeRawBufferPointer) -> String? {
        for (mark, offset, kind) in marks where start.count >= offset + mark.count && start[offset...].starts(with: mark) { return kind }
        return MistakenFile.explanation(of: start, expected: .text) ?? encoding(start)
    }

    private static let marks: [(mark: [UInt8], offset: Int, complaint: String)] = [
        (Array("PAR1".utf8), 0, "is Parquet; write its rows as JSON lines: " + pandas("read_parquet")),
        (Array("ARROW1".utf8), 0, "is an Arrow file (Feather); write its rows as JSON lines: " + pandas("read_feather")),
        (Array("FEA1".utf8), 0, "is an Arrow file (Feather); write its rows as JSON lines: " + pandas("read_feather")),
        ([0xFF, 0xFF, 0xFF, 0xFF], 0, "is an Arrow stream, as data sets are kept in by Hugging Face's library; write its rows as JSON lines: "
            + "python3 -c 'import datasets; datasets.Dataset.from_file(\"FILE\").to_json(\"rows.jsonl\")'"),
        (Array("PK\u{3}\u{4}".utf8), 0, "is a zip archive; unpack it and name a file in it: unzip FILE"),
        ([0x04, 0x22, 0x4D, 0x18], 0, "is packed with lz4; unpack it: lz4 -d FILE"),
        (Array("ustar".utf8), 257, "is a tar archive; unpack it and name a file in it: tar xf FILE"),
        (Array("SQLite format 3\0".utf8), 0, "is an SQLite database; write its rows as JSON lines: "
            + "sqlite3 FILE \"SELECT json_object('prompt', p, 'completion', c) FROM t\" > rows.jsonl"),
        ([0x89, 0x48, 0x44, 0x46], 0, "is HDF5, which data sets are not read from; write its rows as JSON lines"),
        ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], 0, "is a NumPy array; write its rows as JSON lines"),
        (Array("GGUF".utf8), 0, "is a model (GGUF), not a data set"),
        (Array("%PDF".utf8), 0, "is a PDF; extract its text into a .txt file: pdftotext FILE text.txt"),
        (Array("Obj\u{1}".utf8), 0, "is Avro; write its rows as JSON lines"),
    ]

    private static func pandas(_ reader: String) -> String {
        "python3 -c 'import pandas; pandas.\(reader)(\"FILE\").to_json(\"rows.jsonl\", orient=\"records\", lines=True)'"
    }

    /// Text that is not UTF-8 by its zero bytes: each second byte of common characters is one in UTF-16, three of four in UTF-32.
    private static func encoding(_ start: UnsafeRawBufferPointer) -> String? {
        if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) { return utf("32") }
        if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) { return utf("16") }
        let looked = start.prefix(4096)
        let zeros = (0..<4).map { place in stride(from: place, to: looked.count, by: 4).count { looked[$0] == 0 } }
        guard looked.count >= 4, zeros.reduce(0, +) > looked.count / 10 else { return nil }
        let opening = looked.prefix(4).map { $0 == 0 }, most = looked.count / 4 * 3 / 4
        if looked.count >= 8, zeros.count(where: { $0 > most }) == 3 { return utf(zeros[0] > most ? "32BE" : "32LE") }
        if opening == [false, true, false, true] { return utf("16LE") }
        if opening == [true, false, true, false] { return utf("16BE") }
        return "holds zero bytes: it is no text, or in an encoding other than UTF-8"
    }

    private static func utf(_ name: String) -> String { "is UTF-\(name); convert it to UTF-8: iconv -f UTF-\(name) -t UTF-8 FILE > rows.jsonl" }
}
