import Foundation
import Models
import Testing

/// Models made by strangers: whatever the bytes, opening ends with a model or an error.
@Suite struct ConfigurationFuzzTests {
    private func withFile(_ source: String, _ body: (_ content: [UInt8], _ write: ([UInt8]) throws -> String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/fuzz-\(UUID().uuidString)-" + (source as NSString).lastPathComponent
        defer { unlink(path) }
        try body([UInt8](Data(contentsOf: URL(fileURLWithPath: storageGoldens + "/" + source)))) { bytes in
            unlink(path)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return path
        }
    }

    @Test(arguments: ["llama.gguf", "qwen3.gguf"])
    func gguf(_ source: String) throws {
        var random = SplitMix(state: 11)
        try withFile(source) { content, write in
            var refused = 0
            for _ in 0..<800 {
                var mutated = content
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    mutated[Int.random(in: 24..<2600, using: &random)] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
                }
                do { _ = try ModelFiles.open(write(mutated)) } catch { refused += 1 }
            }
            #expect(refused > 400)
        }
    }

    @Test func configuration() throws {
        var random = SplitMix(state: 12)
        try withFile("llama/config.json") { content, _ in
            var refused = 0
            for _ in 0..<2000 {
                var mutated = content
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    mutated[Int.random(in: 0..<mutated.count, using: &random)] = Array("09-.eE\"{}[],:x".utf8).randomElement(using: &random)!
                }
                let text = String(decoding: mutated, as: UTF8.self)
                do { _ = try ModelsTests.configuration(text).expectedWeights() } catch { refused += 1 }
            }
            #expect(refused > 500)
        }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
