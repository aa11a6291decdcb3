import Autograd
import Basics
import Foundation
import Kernels
import Models
import Storage
import TensorTrain
import Testing
@testable import Trainer

@Suite struct MPOExportTests {
    @Test func openedExportIsTheSameModel() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        var weights = try ExportSamples.compressed(opened)
        // One more core, one less, and a tensor held in bfloat16.
        try decompose("model.layers.0.mlp.up_proj", out: [4, 43], in: [8, 8], &weights, opened)
        try decompose("model.layers.1.self_attn.q_proj", out: [4, 4, 4], in: [2, 8, 4], &weights, opened)
        try decompose("model.layers.2.self_attn.v_proj", out: [32], in: [64], &weights, opened)
        weights.tensors["model.embed_tokens.weight"] = Elementwise.convert(weights.tensors["model.embed_tokens.weight"]!, to: .bf16)
        try ExportSamples.withTarget { target in
            let summary = try MPOExport.write(opened, weights: weights, to: target, dtype: .fp32)
            #expect(summary.parameters == weights.parameterCount)
            #expect(MPOExport.isExport(target) && !MPOExport.isExport(ExportSamples.stories))
            // No number is stored that the gauge leaves free.
            let file = try SafetensorsFile(path: target + "/mpo.safetensors")
            #expect(file.tensors.reduce(0) { $0 + $1.elementCount } == weights.parameterCount)
            let back = try OpenedModel.open(target)
            try expectSame(back, opened, weights)
            // An export of the export, in whatever gauge, is that model too.
            try MPOExport.write(back, weights: try back.weights(), to: target + "2", dtype: .fp32)
            try expectSame(try OpenedModel.open(target + "2"), opened, weights)
        }
    }

    /// Everything but cores has the same bits, the matrices that cores make are equal to rounding.
    private func expectSame(_ back: OpenedModel, _ opened: OpenedModel, _ weights: ModelWeights) throws {
        #expect(back.layouts == weights.layouts)
        let read = try back.weights()
        #expect(read.names == weights.names)
        let cores = Set(weights.layouts.keys.flatMap(weights.coreNames))
        for name in weights.names {
            #expect(read.tensors[name]!.dtype == weights.tensors[name]!.dtype && read.tensors[name]!.shape == weights.tensors[name]!.shape, "\(name)")
            if !cores.contains(name) { #expect(read.tensors[name]!.floats() == weights.tensors[name]!.floats(), "\(name)") }
        }
        for (module, layout) in weights.layouts {
            func dense(_ weights: ModelWeights) -> [Float] { DenseForm(layout).dense(weights.coreNames(module).map { weights.tensors[$0]! }, type: .f32).floats() }
            let (a, b) = (dense(read), dense(weights)), largest = b.map(abs).max()!
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 4e-6 * largest }, "\(module)")
        }
        let (a, b) = (ExportSamples.logits(back.configuration, read), ExportSamples.logits(opened.configuration, weights))
        #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 })
        #expect(back.tokenizer.encode("Once upon a time") == opened.tokenizer.encode("Once upon a time"))
    }

    /// The first form of the format had whole cores and no pivots.
    @Test func wholeCoresAreRead() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            try MPOExport.write(opened, weights: weights, to: target, dtype: .fp32)
            let tensors = weights.names.map { TensorDescription(name: $0, type: .float32, shape: weights.tensors[$0]!.shape) }
            let writer = try SafetensorsWriter(path: target + "/mpo.safetensors", tensors: tensors, metadata: [:])
            for name in weights.names { try writer.write(name, weights.tensors[name]!.floats()) }
            try writer.finish()
            var manifest = try JSONValue.read(target + "/mpo.json").object!
            manifest["version"] = 1
            var modules = manifest["modules"]!.object!
            for (name, layout) in weights.layouts {
                modules[name] = .object(
                    modules[name]!.object!.filter { $0.key != "pivots" }.merging(["parameters": .int(layout.coreTotal)]) { $1 })
            }
            manifest["modules"] = .object(modules)
            try Data(JSONValue.object(manifest).text().utf8).write(to: URL(fileURLWithPath: target + "/mpo.json"))
            let read = try OpenedModel.open(target).weights()
            for name in weights.names { #expect(read.tensors[name]!.floats() == weights.tensors[name]!.floats(), "\(name)") }
        }
    }

    private func decompose(_ name: String, out: [Int], in input: [Int], _ weights: inout ModelWeights, _ opened: OpenedModel) throws {
        for core in weights.coreNames(name) { weights.tensors[core] = nil }
        let found = try MPO<Float>.decompose(try opened.source.floats(name + ".weight"), layout: MPOLayout(outFactors: out, inFactors: input)).mpo
        weights.compress(name, layout: found.layout, cores: found.cores.map { Tensor($0.values, $0.shape) })
    }

    @Test func bfloat16Cores() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            let summary = try MPOExport.write(opened, weights: weights, to: target, dtype: .bf16)
            #expect(summary.bytes == 2 * summary.parameters)
            let read = try OpenedModel.open(target).weights()
            let cores = Set(weights.layouts.keys.flatMap(weights.coreNames))
            for name in weights.names {
                #expect(read.tensors[name]!.dtype == .bf16)
                if cores.contains(name) { continue }
                #expect(read.tensors[name]!.floats() == Elementwise.convert(weights.tensors[name]!, to: .bf16).floats(), "\(name)")
            }
            for (module, layout) in weights.layouts {
                func dense(_ weights: ModelWeights) -> [Float] { DenseForm(layout).dense(weights.coreNames(module).map { weights.tensors[$0]! }, type: .f32).floats() }
                let (a, b) = (dense(read), dense(weights))
                func norm(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
                #expect(norm(zip(a, b).map { $0 - $1 }) < 0.01 * norm(b), "\(module)")
            }
        }
    }

    @Test func manifestSaysWhatIsThere() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            try MPOExport.write(opened, weights: weights, to: target, dtype: .fp32)
            let manifest = try JSONValue.read(target + "/mpo.json")
            #expect(manifest["format"] == "heal-mpo" && manifest["version"] == 2 && manifest["dtype"] == "float32")
            #expect(manifest["parameters"]?.int == weights.parameterCount)
            #expect(manifest["dense_parameters"]?.int == 260_032)
            let module = try #require(manifest["modules"]?["model.layers.4.mlp.down_proj"])
            let layout = try #require(weights.layouts["model.layers.4.mlp.down_proj"])
            #expect(module["out_factors"] == .array(layout.outFactors.map { .int($0) }))
            #expect(module["in_factors"] == .array(layout.inFactors.map { .int($0) }))
            #expect(module["bonds"] == .array(layout.bonds.map { .int($0) }))
            #expect(module["parameters"]?.int == layout.parameterCount)
            #expect(module["pivots"]?.array?.count == 1 && module["pivots"]?.array?[0].array?.count == layout.bonds[1])
            #expect(manifest["modules"]?["model.layers.4.self_attn.o_proj"] == nil)
        }
    }

    @Test func denseModelIsRefused() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        try ExportSamples.withTarget { target in
            #expect(message { try MPOExport.write(opened, weights: opened.weights(), to: target, dtype: .fp32) }.contains("no compressed matrix"))
        }
    }

    /// What is changed in `mpo.json`, and what opening must say about it.
    static let brokenManifests: [(change: String, key: [String], value: JSONValue?, says: String)] = [
        ("not ours", ["format"], "other", "format: must be \"heal-mpo\""),
        ("newer", ["version"], 3, "version: is 3, but this program reads versions 1 to 2"),
        ("no version", ["version"], nil, "version: is missing"),
        ("elsewhere", ["weights"], "../mpo.safetensors", "weights: must be \"mpo.safetensors\""),
        ("no modules", ["modules"], nil, "modules: must be an object"),
        ("modules a list", ["modules"], ["a"], "modules: must be an object"),
        ("no bonds", ["modules", q, "bonds"], nil, "\(q).bonds: must be an array of whole numbers"),
        ("text in bonds", ["modules", q, "bonds"], [1, "x", 1], "\(q).bonds: must be an array of whole numbers"),
        ("too few bonds", ["modules", q, "bonds"], [1, 1], "2 cores need 3 bonds"),
        ("absurd bonds", ["modules", q, "bonds"], [1, 4_611_686_018_427_387_904, 1], "is too large"),
        ("negative", ["modules", q, "out_factors"], [-8, -8], "must be positive"),
        ("other count", ["modules", q, "parameters"], 7, "\(q).parameters: is 7, but factors and bonds make it"),
        ("no pivots", ["modules", q, "pivots"], nil, "\(q).pivots: must be an array with a list"),
        ("pivots of no core", ["modules", q, "pivots"], [], "\(q).pivots: has 0 lists, but factors and bonds want 1"),
        ("pivots of text", ["modules", q, "pivots"], [["a"]], "\(q).pivots[0]: must be an array of whole numbers"),
        ("too few pivots", ["modules", q, "pivots"], [[0, 1]], "\(q).pivots[0]: must be "),
        ("other matrix", ["modules", "model.layers.0.self_attn.x_proj"], one, "x_proj: is no matrix of this model"),
        ("layer too many", ["modules", "model.layers.9.self_attn.q_proj"], one, "model.layers.9.self_attn.q_proj: is no matrix of this model"),
        ("dense one listed", ["modules", "model.layers.0.self_attn.o_proj"], one, "model.layers.0.self_attn.o_proj: factors make it 2 x 3"),
        ("core not listed", ["modules", q], nil, "\(q).cores.0: is in the weights, but neither"),
    ]
    private static let q = "model.layers.0.self_attn.q_proj"
    private static let one: JSONValue = ["out_factors": [2], "in_factors": [3], "bonds": [1, 1], "parameters": 6, "dense_parameters": 6, "pivots": []]

    @Test func brokenManifestsAreExplained() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        try ExportSamples.withTarget { target in
            try MPOExport.write(opened, weights: weights, to: target, dtype: .fp32)
            let file = target + "/mpo.json"
            let whole = try JSONValue.read(file)
            for broken in Self.brokenManifests {
                let text = Self.replacing(whole, broken.key[...], broken.value).text()
                try Data(text.utf8).write(to: URL(fileURLWithPath: file))
                let found = message { _ = try OpenedModel.open(target) }
                #expect(found.contains(broken.says), "\(broken.change): \(found)")
                #expect(found.contains(target), "\(broken.change)")
            }
            try Data("{".utf8).write(to: URL(fileURLWithPath: file))
            #expect(message { _ = try OpenedModel.open(target) }.contains("mpo.json"))
        }
    }

    private static func replacing(_ value: JSONValue, _ path: ArraySlice<String>, _ new: JSONValue?) -> JSONValue {
        guard let key = path.first else { return new ?? .null }
        var members = value.object ?? [:]
        members[key] = path.count == 1 ? new : replacing(members[key] ?? .object([:]), path.dropFirst(), new)
        return .object(members)
    }

    @Test func brokenWeightsAreExplained() throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        let weights = try ExportSamples.compressed(opened)
        let core = "model.layers.0.self_attn.q_proj.cores.1"
        try ExportSamples.withTarget { target in
            try MPOExport.write(opened, weights: weights, to: target, dtype: .fp32)
            let stored = try SafetensorsDirectory(file: target + "/mpo.safetensors")
            let whole = try Dictionary(uniqueKeysWithValues: stored.names.map { ($0, Tensor(try stored.floats($0), try stored.shape(of: $0))) })
            func rewrite(_ change: (inout [String: Tensor]) -> Void) throws -> String {
                var tensors = whole
                change(&tensors)
                let names = tensors.keys.sorted()
                let writer = try SafetensorsWriter(
                    path: target + "/mpo.safetensors", tensors: names.map { TensorDescription(name: $0, type: .float32, shape: tensors[$0]!.shape) })
                for name in names { try writer.write(name, tensors[name]!.floats()) }
                try writer.finish()
                return message { _ = try OpenedModel.open(target) }
            }
            #expect(try rewrite { _ in } == "")
            #expect(try rewrite { $0[core] = nil }.contains("\(core): is missing"))
            let shape = try #require(whole[core]?.shape), turned = Array(shape.reversed())
            #expect(try rewrite { $0[core] = Tensor.zeros(turned, .f32) }.contains("\(core): has the shape \(turned), not \(shape)"))
            #expect(try rewrite { $0["model.norm.weight"] = nil }.contains("model.norm.weight: is missing"))
            #expect(try rewrite { $0["model.layers.0.self_attn.q_proj.weight"] = Tensor.zeros([64, 64], .f32) }.contains("q_proj.weight: is in the weights, but neither"))

            let url = URL(fileURLWithPath: target + "/mpo.safetensors")
            let bytes = try Data(contentsOf: url)
            try bytes.prefix(bytes.count / 2).write(to: url)
            #expect(message { _ = try OpenedModel.open(target) }.contains("mpo.safetensors"))
            try FileManager.default.removeItem(at: url)
            #expect(message { _ = try OpenedModel.open(target) }.contains("mpo.safetensors"))
        }
    }
}
