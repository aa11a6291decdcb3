import Autograd
import Foundation
import Kernels
import Models
import TestSupport
import Testing

/// The trained model of the repository: token losses, logits and greedy text against the reference in float64.
@Suite struct StoriesTests {
    struct Golden: Decodable {
        struct Case: Decodable {
            var weights: String?
            var ids: [Int32]
            var mean_nll: Double
            var token_nll, last_logits: [Double]
            var greedy_continuation_ids: [Int32]?
        }
        var cases: [Case]
    }

    private static let directory = GoldenFiles.repository.path + "/models/stories260K"

    private func golden() throws -> [Golden.Case] { try GoldenFiles.json("models/stories260K/golden.json", as: Golden.self).cases }

    /// The model with the weights of `file`, nil its own.
    private func open(_ file: String?) throws -> GoldenModel {
        guard let file else { return try GoldenModel(path: Self.directory) }
        let path = GoldenFiles.path("models/stories260K/\(file)")
        if file.hasSuffix(".gguf") { return try GoldenModel(path: path) }
        return try GoldenFiles.withTemporaryDirectory { directory in
            try FileManager.default.copyItem(atPath: Self.directory + "/config.json", toPath: directory + "/config.json")
            try FileManager.default.copyItem(atPath: path, toPath: directory + "/model.safetensors")
            return try GoldenModel(path: directory)
        }
    }

    private func losses(_ model: LlamaModel, _ ids: [Int32]) -> [Double] {
        model.losses(TokenInput(ids), labels: Array(ids.dropFirst()) + [-1])
    }

    @Test func lossesAndLogits() throws {
        let cases = try golden()
        #expect(cases.map(\.weights) == [nil, "model-bf16.safetensors", "stories260K-q4_1.gguf"])
        for known in cases {
            let model = try open(known.weights).model(compute: .f32), what = known.weights ?? "model.safetensors"
            let found = losses(model, known.ids)
            #expect(found.count == known.token_nll.count)
            let worst = zip(found, known.token_nll).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst < 1e-5, "\(what): losses are off by \(worst)")
            let last = relativeError(Array(model.logits(TokenInput(known.ids)).doubles().suffix(known.last_logits.count)), known.last_logits)
            #expect(last < 1e-5, "\(what): the last logits are off by \(last)")
        }
    }

    @Test func greedyText() throws {
        let known = try golden()[0], expected = try #require(known.greedy_continuation_ids)
        let model = try open(nil).model(compute: .f32, longestContext: 512)
        var sampling = Sampling()
        #expect(expected.count == 40)
        #expect(try Generation.run(model, prompt: known.ids, maxTokens: 40, sampling: &sampling) == expected)
    }

    /// Keys and values kept from earlier tokens give what a pass over the whole text gives, however the text is cut.
    @Test(arguments: [[1], [7, 13], [32, 1, 1, 5], [64]])
    func cachedDecoding(cuts: [Int]) throws {
        let known = try golden()[0], model = try open(nil).model(compute: .f32, longestContext: 512)
        let text = known.ids + known.greedy_continuation_ids!
        let whole = model.logits(TokenInput(text)), width = whole.rowCount
        var decoder = Decoder(model, capacity: text.count), next = 0
        while decoder.length < text.count {
            let piece = min(cuts[next % cuts.count], text.count - decoder.length)
            let logits = decoder.read(Array(text[decoder.length..<decoder.length + piece]))
            let row = whole.slice(decoder.length - 1..<decoder.length).reshaped([width])
            let error = relativeError(logits.map(Double.init), row.doubles())
            #expect(error < 1e-5, "after \(decoder.length) tokens in pieces of \(cuts): off by \(error)")
            next += 1
        }
    }

    @Test(.enabled(if: GEMM.hasFastBFloat16))
    func bfloat16() throws {
        for known in try golden() {
            let model = try open(known.weights).model(compute: .bf16)
            let found = losses(model, known.ids), mean = found.reduce(0, +) / Double(found.count)
            #expect(abs(mean - known.mean_nll) < 0.01 * known.mean_nll, "\(known.weights ?? "own weights"): mean loss \(mean) for \(known.mean_nll)")
        }
    }
}
