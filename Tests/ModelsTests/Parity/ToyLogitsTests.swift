import Foundation
import Kernels
import Models
import TestSupport
import Testing

/// Logits of a toy of each family against the reference in float64 (rounded to float32 in the file).
@Suite struct ToyLogitsTests {
    private func check(_ model: LlamaModel, _ family: String, within limit: Double) throws {
        let golden = try ToyGolden(family), tensors = try GoldenFiles.tensors("models/\(family)/golden.safetensors")
        let expected = golden.ids.indices.map { tensors["logits.\($0)"]! }
        for (sample, logits) in zip(golden.ids, expected) {
            let error = relativeError(model.logits(TokenInput(sample)), logits)
            #expect(error < limit, "\(family), \(model.compute), \(sample.count) ids: off by \(error)")
        }
        let packed = model.logits(TokenInput(packing: golden.ids))
        var start = 0
        for (sample, logits) in zip(golden.ids, expected) {
            let part = packed.slice(start..<start + sample.count)
            let error = relativeError(part, logits), apart = relativeError(part, model.logits(TokenInput(sample)))
            #expect(error < limit, "\(family), \(model.compute), packed: off by \(error)")
            #expect(apart < limit / 10, "\(family), \(model.compute), packed against apart: off by \(apart)")
            start += sample.count
        }
        #expect(start == packed.rows)
    }

    @Test(arguments: toyFamilies)
    func logits(family: String) throws {
        let golden = try GoldenModel(family: family)
        try check(golden.model(compute: .f32), family, within: 1e-5)
        try check(golden.model(compute: .f64), family, within: 2e-7)
    }

    /// The configuration as older versions of transformers wrote it, with `rope_theta` and `rope_scaling`, is the same model.
    @Test func olderConfiguration() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            for (from, to) in [("config-v4.json", "config.json"), ("model.safetensors", "model.safetensors")] {
                try FileManager.default.copyItem(atPath: GoldenFiles.path("models/llama3/\(from)"), toPath: "\(directory)/\(to)")
            }
            let old = try GoldenModel(path: directory)
            try check(old.model(compute: .f64), "llama3", within: 2e-7)
        }
    }

    @Test(.enabled(if: GEMM.hasFastBFloat16), arguments: toyFamilies)
    func bfloat16(family: String) throws {
        let golden = try ToyGolden(family), expected = try GoldenFiles.tensors("models/\(family)/golden.safetensors")["logits.1"]!
        let found = try GoldenModel(family: family).model(compute: .bf16).logits(TokenInput(golden.ids[1]))
        let difference = zip(found.doubles(), expected.doubles()).reduce(0) { $0 + pow($1.0 - $1.1, 2) }
        let size = expected.doubles().reduce(0) { $0 + $1 * $1 }
        #expect((difference / size).squareRoot() < 0.05, "\(family): off by \((difference / size).squareRoot())")
    }
}
