import Foundation
@testable import HealData
import Testing

/// Rows that nobody meant: each is a conversation or an error in our own words, soon, and nothing crashes.
@Suite struct RowFuzzTests {
    let directory = TemporaryDirectory()

    /// More with `HEAL_FUZZ_ROUNDS`.
    private static let rounds = ProcessInfo.processInfo.environment["HEAL_FUZZ_ROUNDS"].flatMap(Int.init) ?? 3000

    private static let seeds = [
        #"{"instruction":"Add.","input":"1, 2","output":"3","history":[["a","b"]],"system":"s"}"#,
        #"{"id":"2","data":["a","b","c"]}"#,
        #"{"tools":[{"name":"f"}],"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"x\":1e3}"}}],"weight":0}]}"#,
        #"{"tools":"[]","conversations":[{"from":"human","value":"é\ud83d\ude00"},{"from":"function_call","value":"{\"name\":\"f\",\"arguments\":{}}"},{"from":"gpt","value":"b","loss":false}]}"#,
        #"{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}],"score":NaN,"label":true}"#,
        #"{"text":"a\u0085b\u2028c","meta":{"x":[1,-2.5e-3,null,true]}}"#,
    ].map { Array($0.utf8) }

    /// The same sequence on every machine.
    private struct Noise {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6364136223846793005 &+ 1442695040888963407
            return Int((state >> 33) % UInt64(bound))
        }
        mutating func damage(_ bytes: inout [UInt8]) {
            let marks = Array("\"\\{}[],:0e-nt\u{0}\n".utf8) + [0x80, 0xC3, 0xFF]
            for _ in 0...next(4) where !bytes.isEmpty {
                let place = next(bytes.count)
                switch next(5) {
                case 0: bytes[place] = UInt8(next(256))
                case 1: bytes[place] = marks[next(marks.count)]
                case 2: bytes.remove(at: place)
                case 3: bytes.insert(marks[next(marks.count)], at: place)
                default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + next(20))], at: next(bytes.count))
                }
            }
        }
    }

    @Test func damagedRows() {
        var noise = Noise(state: 1)
        for round in 0..<Self.rounds {
            var bytes = Self.seeds[round % Self.seeds.count]
            noise.damage(&bytes)
            for format in DataFormat.allCases {
                do {
                    let row = try JSONRow(parsing: bytes)
                    _ = UnreadKeys.of(row, format: format)
                    _ = try format.conversation(from: row).contentHash
                } catch {
                    #expect(!"\(error)".contains("Foundation") && "\(error)".utf8.count < 1000, "\(error)")
                }
            }
        }
    }

    @Test func damagedFiles() {
        var noise = Noise(state: 2)
        let lines = Array(Self.seeds.joined(separator: [0x0A])), array = [0x5B] + Array(Self.seeds.joined(separator: [0x2C])) + [0x5D]
        let packed = gzip(String(decoding: lines, as: UTF8.self))
        for round in 0..<Self.rounds / 6 {
            var bytes = [lines, array, packed][round % 3]
            noise.damage(&bytes)
            let path = directory.write(["a.jsonl", "a.json", "a.gz"][round % 3], bytes)
            do {
                let file = try RowFile(path: path, blockBytes: 32)
                let format = try FormatDetection.format(of: file, forced: round % 2 == 0 ? .messages : nil)
                for row in 0..<file.rowCount { _ = try? file.conversation(ofRow: row, format: format) }
            } catch {
                #expect(error.place.hasPrefix(path), "\(error)")
            }
        }
    }

    // MARK: Evil files

    private func read(_ text: String, as format: DataFormat = .text) -> String { message { try format.conversation(from: JSONRow(parsing: Array(text.utf8))) } }

    @Test func deepNestingEnds() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = String(repeating: open, count: 500_000)
            #expect(read("{\"text\":\"a\",\"x\":\(deep)").contains("nested deeper than"))
            #expect(read("{\"text\":\"a\",\"x\":\(deep)0\(String(repeating: close, count: 500_000))}").contains("nested deeper than"))
        }
    }

    @Test func aMillionColumns() {
        let members = (0..<1_000_000).map { "\"\($0)\":0" }.joined(separator: ",")
        #expect(read("{\(members),\"text\":\"a\"}").contains("text(\"a\""))
        #expect(read("{\(members)}") .hasPrefix("`text` is missing; the row has `0`, `1`, `10`"))
        #expect(read("{\(members),\"7\":1}").contains("the key \"7\" is given twice"))
    }

    @Test func longStringsAndNumbers() {
        let long = String(repeating: "é\\n", count: 2_000_000)
        #expect(read("{\"text\":\"\(long)\"}").contains("text("))
        #expect(read("{\"text\":\"a\",\"x\":\(String(repeating: "9", count: 1_000_000))}").contains("text(\"a\""))
        #expect(read("{\"text\":\"a\",\"x\":\(String(repeating: "z", count: 1_000_000))}").utf8.count < 200)
        #expect(read("{\"text\":\"a\",\"\(String(repeating: "z", count: 1_000_000))\":1,}").utf8.count < 200)
    }

    @Test func aRowTooLongIsDamage() throws {
        let path = directory.url.appendingPathComponent("a.jsonl").path
        let opening = Array("{\"text\":\"".utf8)
        #expect(FileManager.default.createFile(atPath: path, contents: Data(opening)))
        // A hole of 300 MB: zero bytes that take no room on the disk.
        let start = Array("{\"text\":\"a\"}\n".utf8)
        try Data(start + opening + [UInt8](repeating: 97, count: 8192)).write(to: URL(fileURLWithPath: path))
        #expect(truncate(path, 300 << 20) == 0)
        let file = try RowFile(path: path)
        #expect(message { try file.bytes(ofRow: 1) }.hasPrefix("\(path):2: the row is "))
    }
}
