import Basics
import Testing
@testable import Trainer

@Suite struct TextTableTests {
    private let table = TextTable(
        header: ["matrix", "blocks", "cores and bonds", "kept"],
        rows: [["q_proj", "0-3,7", "(24x32)-[188]-(24x48) or better", "50.0 %"], ["model.layers.11.mlp.down_proj", "4", "dense", "100.0 %"]])

    @Test func wholeWhereThereIsRoom() { #expect(table.text(width: 200) == table.text && table.text.split(separator: "\n").count == 4) }

    /// No line is wider than the terminal, and nothing is lost but the middles of names on the narrowest.
    @Test(arguments: [1, 2, 7, 20, 40, 60, 80]) func fits(_ width: Int) {
        let lines = table.text(width: width).split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.displayWidth <= width }, "\(lines)")
        guard width >= 40 else { return }
        for word in ["(24x32)-[188]-", "(24x48)", "model.layers.11.mlp.down_proj", "better", "0-3,7", "100.0"] { #expect(lines.contains { $0.contains(word) }, "\(word)") }
    }

    @Test func brokenAtBlanks() {
        let table = TextTable(header: ["name", "on other rows"], rows: [["a", "1"]])
        #expect(table.text(width: 14) == """
                  on other
            name      rows
            ----  --------
            a            1
            """)
        #expect(TextWrap.lines("(24x32)-[188]-(24x48) or", width: 14) == ["(24x32)-[188]-", "(24x48) or"])
        #expect(TextTable(header: ["matrix", "kept"], rows: [["q_proj", "1"], ["k", "2"]]).text(width: 9) == "q_proj\n  kept 1\nk\n  kept 2")
    }

    @Test func wideCharactersStayInTheirColumn() {
        let text = TextTable(header: ["name", "n"], rows: [["漢字", "1"], ["🙂", "22"], ["ab", "3"]]).text
        #expect(text == "name   n\n----  --\n漢字   1\n🙂    22\nab     3")
    }

    /// A name gives up its middle first; then parts go, the least important first; the time that is left stays.
    @Test func lineKeepsWhatMatters() {
        let line = FittedLine([
            .init("decomposing 12/210"), .init("model.layers.10.self_attn.q_proj", rank: 2, shortens: true), .init("3.45 million parameters/s", rank: 3), .init("2m 03s left", rank: 1),
        ])
        #expect(line.text() == "decomposing 12/210  model.layers.10.self_attn.q_proj  3.45 million parameters/s  2m 03s left")
        for width in 0...100 { #expect(line.text(width: width).displayWidth <= width) }
        #expect(line.text(width: 79) == "decomposing 12/210  model.…_attn.q_proj  3.45 million parameters/s  2m 03s left")
        #expect(line.text(width: 50).hasSuffix("2m 03s left") && line.text(width: 50).contains("q_proj"))
        #expect(line.text(width: 32) == "decomposing 12/210  2m 03s left")
    }
}
