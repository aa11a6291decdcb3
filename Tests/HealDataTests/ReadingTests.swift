import CZlib
import Foundation
@testable import HealData
import Testing

@Suite struct ReadingTests {
    let directory = TemporaryDirectory()

    private func rows(_ path: String) throws -> [String] {
        let file = try RowFile(path: path)
        return try (0..<file.rowCount).map { String(decoding: try file.bytes(ofRow: $0), as: UTF8.self) }
    }

    @Test(arguments: [
        ("{\"a\":1}\n{\"a\":2}\n", ["{\"a\":1}", "{\"a\":2}"]),
        ("{\"a\":1}\n{\"a\":2}", ["{\"a\":1}", "{\"a\":2}"]),
        ("{\"a\":1}\r\n{\"a\":2}\r\n", ["{\"a\":1}", "{\"a\":2}"]),
        ("\u{FEFF}{\"a\":1}\n", ["{\"a\":1}"]),
        ("\n{\"a\":1}\n \t\r\n\n{\"a\":2}\n\n", ["{\"a\":1}", "{\"a\":2}"]),
        ("{\"a\":\"x\u{85}y\u{2028}z\u{0C}\u{0B}\u{1C}\"}\n{}\n", ["{\"a\":\"x\u{85}y\u{2028}z\u{0C}\u{0B}\u{1C}\"}", "{}"]),
        ("[{\"a\":[1,{\"b\":\"]},\\\"\"}]},\n {\"a\":2}\n]\n", ["{\"a\":[1,{\"b\":\"]},\\\"\"}]}", "{\"a\":2}\n"]),
        ("\u{FEFF} [1 , \"a,b\",[2,3]]", ["1 ", "\"a,b\"", "[2,3]"]),
    ])
    func splitsRows(text: String, expected: [String]) throws {
        #expect(try rows(directory.write("a.jsonl", text)) == expected)
        #expect(try rows(directory.write("a.jsonl.gz", gzip(text))) == expected)
    }

    /// Rows, strings and escapes cross the borders of the chunks that the file is read in.
    @Test(arguments: ["lines", "array"]) func rowsAcrossChunks(layout: String) throws {
        let bodies = (0..<300).map { "{\"a\":\"" + String(repeating: "y\\\"],{", count: 300 + $0) + "\($0)\"}" }
        let text = layout == "lines" ? bodies.joined(separator: "\n") : "[" + bodies.joined(separator: ",") + "]"
        #expect(try rows(directory.write("a.json", text)) == bodies)
        #expect(try rows(directory.write("b.json", gzip(text))) == bodies)
    }

    @Test func gzipOfSeveralMembersWithPadding() throws {
        let bytes = gzip("{\"a\":1}\n{\"a\"") + gzip(":2}\n") + gzip("") + gzip("{\"a\":3}\n") + [0, 0, 0]
        #expect(try rows(directory.write("a.gz", bytes)) == ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"])
    }

    @Test func hashSeesTheContentAndNothingElse() throws {
        let text = (0..<50_000).map { "{\"a\":\($0)}" }.joined(separator: "\n")
        let plain = try RowFile(path: directory.write("a", text))
        let packed = try RowFile(path: directory.write("b", gzip(text)))
        let other = try RowFile(path: directory.write("c", text.replacingOccurrences(of: "49998", with: "49989")))
        #expect(plain.contentHash == packed.contentHash)
        #expect(plain.contentHash != other.contentHash)
        #expect(plain.byteCount == text.utf8.count)
    }

    /// Checkpoints hold the hash, so it must stay what it was: of the bytes in chunks of 256 KiB.
    @Test func hashTakesTheBytesInChunks() throws {
        let text = Array((0..<100_000).map { "{\"a\":\($0)}" }.joined(separator: "\n").utf8)
        var hash = ContentHash()
        for start in stride(from: 0, to: text.count, by: 1 << 18) {
            text[start..<min(text.count, start + 1 << 18)].withUnsafeBytes { hash.combine($0) }
        }
        #expect(text.count > 3 << 18)
        #expect(try RowFile(path: directory.write("a", text)).contentHash == hash.value)
    }

    /// Files of many rows keep the starts of some only; the others are found from there.
    @Test(arguments: ["a.jsonl", "a.json", "a.txt"], [2, 4, 16, 1 << 20]) func rowsBetweenKeptStarts(name: String, limit: Int) throws {
        let bodies = (0..<700).map { "{\"a\":\"" + String(repeating: "é\\\"],{", count: $0 * $0 % 97) + "\($0)\"}" }
        let text = switch name {
        case "a.json": "[" + bodies.joined(separator: " ,\n") + "]"
        case "a.txt": String(repeating: " ", count: 300) + bodies.joined(separator: " ") + String(repeating: "\n", count: 300) + bodies.joined(separator: "\n")
        default: "\u{FEFF}\n" + bodies.joined(separator: "\r\n \n")
        }
        let path = directory.write(name, text)
        let all = try RowFile(path: path, blockBytes: 64), some = try RowFile(path: path, blockBytes: 64, offsets: RowOffsets(limit: limit))
        #expect(all.rowCount >= 700 && all.rowCount == some.rowCount)
        for row in 0..<all.rowCount { #expect(try all.bytes(ofRow: row) == some.bytes(ofRow: row), "row \(row)") }
        #expect(all.place(ofRow: 699) == some.place(ofRow: 699))
        if name == "a.jsonl" { #expect(try (0..<700).map { String(decoding: try some.bytes(ofRow: $0), as: UTF8.self) } == bodies) }
    }

    @Test(arguments: [2, 8, 64]) func keptStartsAreBounded(limit: Int) {
        var offsets = RowOffsets(limit: limit)
        for row in 0..<1000 { offsets.append(10 * row) }
        let blocks = (0..<1000).map(offsets.block)
        #expect(offsets.count == 1000)
        #expect(Set(blocks.map(\.start)).count <= limit)
        for (row, block) in blocks.enumerated() {
            #expect(block.start + 10 * block.rowsBefore == 10 * row)
            #expect(block.end.map { $0 > 10 * row } ?? true)
        }
        #expect(blocks.last?.end == nil && blocks.first?.end != nil)
    }

    @Test func aFileThatChangesIsNoticed() throws {
        let path = directory.write("a.jsonl", String(repeating: "{\"a\":1}\n", count: 100))
        let file = try RowFile(path: path)
        #expect(truncate(path, 500) == 0)
        #expect(try file.bytes(ofRow: 0).count == 7)
        #expect(message { try file.bytes(ofRow: 99) } == "\(path): the file changed while it was being read; leave it alone during a run")
    }

    @Test func textIsCutAtLineEnds() throws {
        let lines = (0..<100).map { "line \($0) of a text\n" }
        let file = try RowFile(path: directory.write("a.txt", lines.joined()), blockBytes: 64)
        let blocks = try (0..<file.rowCount).map { String(decoding: try file.bytes(ofRow: $0), as: UTF8.self) }
        #expect(blocks.joined() == lines.joined())
        #expect(blocks.dropLast().allSatisfy { $0.utf8.count > 64 && $0.utf8.count < 64 + 30 && $0.hasSuffix("\n") })
    }

    @Test func textWithoutLineEndsIsCutBetweenCharacters() throws {
        let text = String(repeating: "日本語é🙂", count: 200)
        let file = try RowFile(path: directory.write("a.txt", text), blockBytes: 32)
        let blocks = try (0..<file.rowCount).map { try file.bytes(ofRow: $0) }
        #expect(String(decoding: blocks.joined(), as: UTF8.self) == text)
        #expect(blocks.count > 10)
        #expect(blocks.allSatisfy { String(validating: $0, as: UTF8.self) != nil })
    }

    @Test func placeNamesTheLine() throws {
        let path = directory.write("a.jsonl", "\n\n{}\n{}\n\n{}\n")
        let file = try RowFile(path: path)
        #expect((0..<3).map(file.place) == ["\(path):3", "\(path):4", "\(path):6"])
        let array = directory.write("b.json", "[\n{},\n\n{}]")
        #expect(try RowFile(path: array).place(ofRow: 1) == "\(array):4")
    }

    @Test func brokenFilesAreNamed() throws {
        let missing = directory.url.appendingPathComponent("none").path
        #expect(message { try RowFile(path: missing) } == "\(missing): no such file; check the path")
        #expect(message { try RowFile(path: directory.url.path) }.hasSuffix("is a directory; name the file in it"))
        let whole = gzip(String(repeating: "{\"a\":1}\n", count: 5000))
        let cases: [(String, [UInt8], String)] = [
            ("empty", [], "the file has no rows"),
            ("blank", Array("\n \n".utf8), "the file has no rows"),
            ("cut.gz", Array(whole.dropLast(20)), "the gzip data ends early"),
            ("damaged.gz", Array(whole[..<20]) + [9, 9, 9, 9] + Array(whole[24...]), "the gzip data is damaged"),
            ("tail.gz", whole + [1, 2], "bytes that are not gzip follow the compressed data"),
            ("open.json", Array("[{\"a\":1},".utf8), "the JSON array is not closed"),
            ("last.json", Array("[{\"a\":1},]".utf8), "a comma of the JSON array has no row after it"),
            ("two.json", Array("[{\"a\":1},,{\"a\":1}]".utf8), "a comma of the JSON array has no row before it"),
            ("after.json", Array("[{}] x".utf8), "text follows the end of the JSON array"),
            ("wide.jsonl", [0xFF, 0xFE] + "{\"a\":1}\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }, "is UTF-16"),
            ("none.json", Array("[]".utf8), "the file has no rows"),
        ]
        for (name, bytes, reason) in cases {
            let path = directory.write(name, bytes)
            let text = message { try RowFile(path: path) }
            #expect(text.hasPrefix("\(path): \(reason)"), "\(name): \(text)")
        }
    }
}

/// One gzip member.
func gzip(_ text: String) -> [UInt8] {
    var input = Array(text.utf8)
    var output = [UInt8](repeating: 0, count: input.count + 1000)
    var stream = z_stream()
    deflateInit2_(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    return input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
            return Array(target[..<Int(stream.total_out)])
        }
    }
}
