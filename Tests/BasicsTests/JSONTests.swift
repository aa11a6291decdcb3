import Basics
import Testing

@Suite struct JSONTests {
    @Test func valuesAndPositions() throws {
        let json = try JSONParser.parse(Array("{ \"a\": [1, -2.5, 1e3],\n  \"b\": {\"c\": \"x\\n\\u00e9\\ud83d\\ude00\", \"d\": null, \"e\": true}\n}".utf8))
        #expect(json["a"] == [1, -2.5, 1000])
        #expect(json["b"]?["c"] == "x\né😀")
        #expect(json["b"]?["d"] == JSON(.null))
        #expect(json["b"]?["e"] == true)
        #expect(json["b"]?.position == JSON.Position(line: 2, column: 8))
        #expect(json["a"]?.elements?[1].position == JSON.Position(line: 1, column: 12))
        #expect(json.members?[1].position == JSON.Position(line: 2, column: 3))
    }

    @Test func integersKeepAllDigits() throws {
        let json = try JSONParser.parse(Array("[9223372036854775807, -9223372036854775808, 9223372036854775808]".utf8))
        #expect(json == [JSON(.integer(.max)), JSON(.integer(.min)), JSON(.number(9223372036854775808))])
    }

    @Test func byteOrderMarkAndWindowsLineEnds() throws {
        #expect(try JSONParser.parse([0xEF, 0xBB, 0xBF] + Array("[\r\n1]\r\n".utf8)) == [1])
    }

    @Test(arguments: ["{", "[1", "\"abc", "nul", "+1", "1.", "1e", "--1", "[1 2]", "NaN", "[-Infinity]", "Infinity", "{\"a\":1,,}", "{\"a\"}", "[,]", "1 1", "\"\\x\"", "\"\\u12g4\"", "\"\t\"", "1e400", "/*"])
    func refused(_ text: String) {
        #expect(throws: JSONIssue.self) { try JSONParser.parse(Array(text.utf8)) }
    }

    @Test func invalidUTF8IsRefused() {
        #expect(throws: JSONIssue.self) { try JSONParser.parse([0x22, 0xFF, 0xFE, 0x22]) }
        #expect(throws: JSONIssue.self) { try JSONParser.parse([0x22, 0xC0, 0x80, 0x22]) }
        #expect(throws: JSONIssue.self) { try JSONParser.parse([0xFF]) }
    }

    @Test func depthIsLimited() throws {
        func nested(_ depth: Int) -> [UInt8] { Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8) }
        #expect(throws: Never.self) { try JSONParser.parse(nested(JSONParser.maximumDepth)) }
        #expect(throws: JSONIssue.self) { try JSONParser.parse(nested(1_000_000)) }
    }

    @Test func mistakesAreCounted() {
        let (_, issues) = JSONParser.read(Array(String(repeating: "//\n", count: 10_000).utf8))
        #expect(issues.count == JSONParser.maximumIssues)
    }

    /// Cutting or changing any byte of a rich text neither crashes nor hangs, and what is read can be written and read again.
    @Test func damagedTextsDoNotCrash() throws {
        let text = Array("{\"a\": [1, -2.5e-3, true, null, \"x\\u00e9\\ud83d\\ude00\\\\\"], /* c */ \"b\": {\"c\": {}, \"d\": []}, \"e\": \"é\"}".utf8)
        var random = SystemRandomNumberGenerator()
        var damaged = (0...text.count).map { Array(text[..<$0]) }
        for index in text.indices {
            for byte in [0, 0x0A, 0x22, 0x2C, 0x5B, 0x5C, 0x7B, 0x7D, 0x80, 0xFF] as [UInt8] {
                var copy = text
                copy[index] = byte
                damaged.append(copy)
            }
        }
        for _ in 0..<2000 { damaged.append((0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }) }
        for bytes in damaged {
            let (json, issues) = JSONParser.read(bytes)
            #expect(json != nil || !issues.isEmpty)
            guard let json, issues.isEmpty else { continue }
            for indented in [false, true] {
                #expect(try JSONParser.parse(Array(json.text(indented: indented).utf8)) == json)
            }
        }
    }

    @Test func canonicalText() throws {
        let json = try JSONParser.parse(Array("{\"b\": [1.0, 0.1, 1e-7, \"\\u0001\\/\"], \"a\": {}, \"c\": {\"y\": 1, \"x\": []}}".utf8))
        #expect(json.text() == "{\"a\":{},\"b\":[1,0.1,1e-07,\"\\u0001/\"],\"c\":{\"x\":[],\"y\":1}}")
        #expect(json.text(indented: true) == "{\n  \"a\": {},\n  \"b\": [1, 0.1, 1e-07, \"\\u0001/\"],\n  \"c\": {\n    \"x\": [],\n    \"y\": 1\n  }\n}")
    }
}
