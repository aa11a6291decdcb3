import Basics
import Testing

@Suite struct DisplayWidthTests {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("漢字", 4), ("한국", 4), ("ﾊﾝ", 2), ("Ａ", 2), ("🙂", 2), ("👨‍👩‍👧", 2), ("🇩🇪", 2), ("❤️", 2), ("❤", 1), ("⟦a⟧", 3), ("\u{200B}", 0),
    ]) func columns(_ text: String, _ width: Int) { #expect(text.displayWidth == width) }

    @Test func partsFit() {
        let text = "model.layers.漢字.q_proj"
        for columns in 0...30 {
            #expect(text.prefix(columns: columns).description.displayWidth <= columns)
            #expect(text.suffix(columns: columns).description.displayWidth <= columns)
            #expect(text.shortened(columns: columns).displayWidth <= columns)
        }
        #expect("model.layers.11.mlp.down_proj".shortened(columns: 16) == "model….down_proj")
        #expect("漢字a".prefix(columns: 3) == "漢" && "漢字a".suffix(columns: 2) == "a")
        #expect("字".padded(columns: 4) == "字  " && "字".padded(columns: 4, left: true) == "  字" && "long".padded(columns: 2) == "long")
    }
}
