import Testing
@testable import Trainer

@Suite struct NearestNameTests {
    @Test(arguments: [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ab", "ba", 1), ("keep", "kep", 1), ("ca", "abc", 3)])
    func distance(_ a: String, _ b: String, _ expected: Int) {
        #expect(NearestName.editDistance(Array(a.utf8), Array(b.utf8)) == expected)
        #expect(NearestName.editDistance(Array(b.utf8), Array(a.utf8)) == expected)
    }

    @Test func nearest() {
        let keys = Configuration.settings.map(\.key)
        #expect(NearestName.of("warmup_stpes", among: keys) == "warmup_steps")
        #expect(NearestName.of("gradient_checkpoint", among: keys) == "gradient_checkpointing")
        #expect(NearestName.of("MaxSeqLength", among: keys) == "max_seq_length")
        #expect(NearestName.of("completely_else", among: keys) == nil)
        #expect(NearestName.of("", among: keys) == nil)
        #expect(NearestName.of(String(repeating: "x", count: 100_000), among: keys) == nil)
    }
}
