import Basics
import Testing

@Suite struct ControlCharacterTests {
    @Test func everyCommandIsSpelled() {
        let commands = Array(0..<0x09) + Array(0x0B..<0x20) + Array(0x7F...0x9F) + [0x61C, 0x200E, 0x200F] + Array(0x2028...0x202E) + Array(0x2066...0x2069)
        for value in commands {
            let found = "a\(Unicode.Scalar(UInt32(value))!)b".withoutCommands
            let digits = String(value, radix: 16)
            #expect(found == "a\\u" + String(repeating: "0", count: 4 - digits.count) + digits + "b")
        }
    }

    @Test(arguments: ["", "plain\n\ttext", "é ß 漢字 🙂 👨‍👩‍👧 \u{200B}\u{200D}\u{FEFF}", "⟦ok⟧"]) func otherTextStays(_ text: String) { #expect(text.withoutCommands == text) }

    @Test func oneLineStaysOne() { #expect("a\nheal: ok\t\u{1B}[2J".withoutCommandsAndLines == "a\\nheal: ok\\t\\u001b[2J") }

    /// What stands in a JSON text may be spelled so without changing it.
    @Test func jsonKeepsItsValue() throws {
        let value = JSON(.string("x\u{202E}\u{9B}1m\u{2028}y"))
        let text = value.text()
        #expect(text != text.withoutCommands)
        #expect(try JSONParser.parse(Array(text.withoutCommands.utf8)) == value)
    }
}
