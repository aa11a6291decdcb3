import Basics
import Testing

@Suite struct JSONValueTests {
    @Test func keepsWholeNumbersAndFractionsApart() throws {
        let value = try JSONValue.parse(#"{"i": 1, "d": 1.0, "e": 1e-05, "big": 123456789012345678901, "n": null, "t": [true, false], "min": -0, "nan": NaN}"#)
        #expect(value["i"] == .int(1))
        #expect(value["d"] == .double(1))
        #expect(value["d"]?.int == 1)
        #expect(value["e"] == .double(1e-5))
        #expect(value["big"]?.int == nil)
        #expect(value["t"] == [true, false])
        #expect(value["nan"]?.double?.isNaN == true)
        #expect(try JSONValue.parse("[Infinity, -Infinity]") == [.double(.infinity), .double(-.infinity)])
        #expect(failure { _ = try JSONValue.parse("-NaN") }?.code == .malformed)
        #expect(value.text(indented: false) == #"{"big":1.2345678901234568e+20,"d":1.0,"e":1e-05,"i":1,"min":0,"n":null,"nan":NaN,"t":[true,false]}"#)
    }

    @Test func readsAndWritesStrings() throws {
        let text = #""a\"\\\/\b\f\n\r\té\uD83D\uDE00模\u0001""#
        let value = try JSONValue.parse(text)
        #expect(value == .string("a\"\\/\u{8}\u{c}\n\r\té😀模\u{1}"))
        #expect(try JSONValue.parse(value.text()) == value)
    }

    @Test func indentsAsPython() throws {
        #expect(try JSONValue.parse(#"{"b":[1,{}],"a":[]}"#).text() == "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}")
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "01", "1.", ".5", "+1", "-", "1e", "tru", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\\uD800\"", "\"\\uD800\\u0041\"", "\"\\u+123\"", "\"a\nb\"", "1 2", "{1:2}", "'a'", String(repeating: "[", count: 5000),
    ])
    func refuses(_ text: String) {
        let error = failure { _ = try JSONValue.parse(text) }
        #expect(error?.code == .malformed)
        #expect(error?.place?.hasPrefix("line ") == true)
    }

    @Test func namesThePlace() {
        #expect(failure { _ = try JSONValue.parse("{\n  \"a\": 1,\n  \"b\": ?\n}", file: "x.json") }?.description.hasPrefix("x.json: line 3, column 8: ") == true)
        #expect(failure { try [UInt8]([0x22, 0xFF, 0x22]).withUnsafeBytes { _ = try JSONValue.parse($0, file: "x") } }?.code == .malformed)
    }
}
