import Foundation
@testable import HealData
import Testing

/// Files that are something else than rows.
@Suite struct ForeignFileTests {
    let directory = TemporaryDirectory()

    private func complaint(_ name: String, _ bytes: [UInt8], forced: DataFormat? = nil) -> String {
        let path = directory.write(name, bytes)
        let text = message { try FormatDetection.format(of: try RowFile(path: path), forced: forced) }
        return text.hasPrefix("\(path): ") ? String(text.dropFirst(path.utf8.count + 2)) : text
    }

    @Test(arguments: [
        (Array("PAR1\u{15}\u{4}".utf8), "is Parquet; write its rows as JSON lines: python3 -c"), (Array("ARROW1\0\0".utf8), "is an Arrow file"),
        ([0xFF, 0xFF, 0xFF, 0xFF, 0x10, 0, 0, 0], "is an Arrow stream"), (Array("PK\u{3}\u{4}".utf8) + [20, 0], "is a zip archive"),
        ([0x28, 0xB5, 0x2F, 0xFD, 4], "is compressed with zstd"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0], "is compressed with xz"),
        (Array("BZh91AY".utf8), "is compressed with bzip2"), (Array("SQLite format 3\0".utf8), "is an SQLite database"),
        ([UInt8](repeating: 97, count: 257) + Array("ustar".utf8), "is a tar archive"),
        (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n".utf8), "is a Git LFS pointer"),
        (Array("GGUF".utf8) + [3, 0, 0, 0], "is a model (GGUF)"), (Array("%PDF-1.7".utf8), "is a PDF"),
        ([UInt8](repeating: 0, count: 64), "holds zero bytes"),
    ] as [([UInt8], String)])
    func marks(start: [UInt8], expected: String) {
        for name in ["a.jsonl", "a.txt"] { #expect(complaint(name, start).hasPrefix(expected), "\(complaint(name, start))") }
    }

    @Test func otherEncodings() {
        let text = "{\"text\": \"one 漢字\"}\n{\"text\": \"two\"}\n"
        for (encoding, name) in [
            (.utf16LittleEndian, "16LE"), (.utf16BigEndian, "16BE"), (.utf16, "16"), (.utf32LittleEndian, "32LE"), (.utf32BigEndian, "32BE"), (.utf32, "32"),
        ] as [(String.Encoding, String)] {
            let found = complaint("a.jsonl", [UInt8](text.data(using: encoding)!))
            #expect(found.hasPrefix("is UTF-\(name); convert it to UTF-8: iconv -f UTF-\(name) -t UTF-8"), "\(name): \(found)")
        }
        // One zero byte is a mistake in a row, not another encoding.
        #expect(complaint("b.jsonl", Array("{\"text\": \"a\0\"}\n{\"text\": \"two, which is long enough\"}".utf8)).contains("`text`") == false)
    }

    @Test(arguments: [
        ("{\n  \"text\": \"a\"\n}\n", "a JSON object goes over several lines; each row must stand on one line: jq -c ."),
        ("{\n  \"messages\": [\n    {\"role\": \"user\", \"content\": \"a\"}\n  ]\n}\n", "a JSON object goes over several lines"),
        ("{\"messages\": [\n  {\"role\": \"user\", \"content\": \"a\"}]}\n", "no row is a JSON object"),
        ("<!DOCTYPE html>\n<html><title>Log in</title>\n", "is an HTML page"), ("<rows>\n", "the file looks like XML"),
        ("{'instruction': 'a', 'output': 'b'}\n", "the rows look like Python's dictionaries (single quotes)"),
        ("instruction,input,output\nHi,,Ho\n", "the file looks like CSV"), ("instruction\toutput\nHi\tHo\n", "the file looks like TSV"),
        ("- instruction: a\n  output: b\n", "the file looks like YAML"), ("text: a\n", "the file looks like YAML"), ("---\ntext: a\n", "the file looks like YAML"),
        ("Once upon a time\nthere was\n", "the file looks like plain text; name it .txt"), ("{oops\n{again\n", "no row is a JSON object"), ("17\n", "the file looks like plain text"),
    ])
    func texts(text: String, expected: String) {
        for forced in [nil, DataFormat.text] {
            let found = complaint("a.jsonl", Array(text.utf8), forced: forced)
            #expect(found.hasPrefix(expected) || text.hasPrefix("{\"messages\""), "\(found)")
        }
    }

    @Test func packedFilesAreLookedInto() {
        #expect(complaint("a.jsonl.gz", gzip("<html>")).hasPrefix("is an HTML page"))
        #expect(complaint("b.jsonl.gz", gzip("PAR1")).hasPrefix("is Parquet"))
    }

    @Test func bombsAreRefused() throws {
        let path = directory.write("a.jsonl.gz", gzip(String(repeating: "{\"text\": \"a\"}\n", count: 100_000)))
        func unpack(_ limit: GzipLimit) throws -> Int {
            let source = try ByteSource(path: path, limit: limit)
            var buffer = [UInt8](repeating: 0, count: 4096), total = 0
            while true {
                let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
                if count == 0 { return total }
                total += count
            }
        }
        #expect(try unpack(GzipLimit()) == 1_400_000)
        #expect(try unpack(GzipLimit(ratio: 1000, harmlessBytes: 0)) == 1_400_000)
        #expect(message { try unpack(GzipLimit(ratio: 20, harmlessBytes: 1000)) } == "\(path): unpacks to more than 20 times its size, which text does not; it is taken for damage")
    }

    @Test func pipesAndDevicesAreRefused() {
        let pipe = directory.url.appendingPathComponent("pipe").path
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(message { try RowFile(path: pipe) } == "\(pipe): is a pipe, not a file; write what it gives to a file first")
        #expect(message { try RowFile(path: "/dev/zero") }.hasPrefix("/dev/zero: is a device"))
    }
}
