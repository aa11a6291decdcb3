import Testing
@testable import Trainer

@Suite struct NamePatternTests {
    static let name = "model.layers.3.mlp.down_proj"

    @Test(arguments: ["down_proj", "mlp.down_proj", "*down_proj", "mlp.*", "*.layers.3.*", "model.layers.?.mlp.*", "{up,down}_proj", "*", "*.down_*", "3.mlp.down_proj", "{gate,up,down}_{proj,x}", "**proj"])
    func matches(_ text: String) throws {
        let pattern = try NamePattern(text)
        #expect(pattern.matches(Self.name))
        #expect(pattern.matches(Self.name + ".weight"))
    }

    @Test(arguments: ["proj", "down", "own_proj", "mlp", "layers", "up_proj", "{up,gate}_proj", "DOWN_PROJ", "*.layers.13.*", "down_proj.", "down_proj?", "weigh"])
    func doesNotMatch(_ text: String) throws {
        let pattern = try NamePattern(text)
        #expect(!pattern.matches(Self.name))
        #expect(!pattern.matches(Self.name + ".weight"))
    }

    @Test func wholeNames() throws {
        #expect(try NamePattern("lm_head").matches("lm_head.weight"))
        #expect(try NamePattern("embed_tokens").matches("model.embed_tokens.weight"))
        #expect(try NamePattern("norm").matches("model.norm.weight"))
        #expect(try !NamePattern("norm").matches("model.layers.0.input_layernorm.weight"))
        #expect(try NamePattern("*norm.weight").matches("model.layers.0.input_layernorm.weight"))
        #expect(try NamePattern("bias").matches("model.layers.0.self_attn.q_proj.bias"))
    }

    @Test func manyStarsStayFast() throws {
        let pattern = try NamePattern(String(repeating: "*a", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 2000)))
    }

    @Test func bracesAreLimited() {
        #expect(throws: NamePattern.Mistake.self) { try NamePattern(String(repeating: "{a,b}", count: 40)) }
    }

    @Test func layerRanges() {
        func layers(_ text: String) -> [Int]? { LayerRanges(text).map { ranges in (0..<12).filter(ranges.contains) } }
        #expect(layers("0-3") == [0, 1, 2, 3])
        #expect(layers("5") == [5])
        #expect(layers("9-") == [9, 10, 11])
        #expect(layers("0-1, 7,10-11") == [0, 1, 7, 10, 11])
        for text in ["", "-", "-3", "3-1", "a", "1-2-3", "1,,2", "1-x", "99999999999999999999", "+1", "٣"] { #expect(LayerRanges(text) == nil, "\(text)") }
        #expect(LayerRanges.layer(of: "model.layers.31.mlp.up_proj") == 31)
        #expect(LayerRanges.layer(of: "lm_head.weight") == nil)
    }
}
