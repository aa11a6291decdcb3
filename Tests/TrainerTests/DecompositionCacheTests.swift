import Basics
import Foundation
import Kernels
import Models
import Storage
import TensorTrain
import Testing
import TestSupport

@testable import Trainer

/// Decomposing matrix by matrix: any order of workers gives the same cores, and a kill loses no finished matrix.
@Suite struct DecompositionCacheTests {
    private let opened: OpenedModel, plan: CompressionPlan

    init() throws {
        opened = try OpenedModel.open(GoldenFiles.repository.path + "/models/stories260K")
        var compression = CompressionConfiguration()
        compression.keep = 0.6
        plan = try CompressionPlan(opened.configuration, compression)
    }

    private struct Killed: Error {}

    private func run(_ cache: DecompositionCache?, type: DType = .f32, killAfter limit: Int = .max) throws -> (cores: [String: [Float]], errors: [Double], cached: Int) {
        var weights = ModelWeights(), fresh = 0
        let results = try Compressor(type: type, cache: cache).run(plan, from: opened.source, into: &weights, progress: { progress in
            if progress.parametersPerSecond != nil { fresh += 1 }
            if progress.done == limit { throw Killed() }
            if progress.done == progress.total { #expect(progress.secondsLeft ?? 0 == 0) }
        })
        #expect(results.map(\.name) == plan.compressed.map(\.name))
        #expect(weights.tensors.values.allSatisfy { $0.dtype == type })
        return (weights.tensors.mapValues { $0.floats() }, results.map(\.relativeError), plan.compressed.count - fresh)
    }

    @Test(arguments: [DType.f32, .bf16]) func goesOnAfterAKill(type: DType) throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let straight = try run(nil, type: type), cache = DecompositionCache(directory: directory + "/decomposition")
            #expect(throws: Killed.self) { try run(cache, type: type, killAfter: 7) }
            let kept = try FileSystem.names(in: cache.directory).filter { $0 != SharedFolder.lockName }
            #expect(kept.count >= 7 && kept.count < plan.compressed.count && kept.allSatisfy { $0.hasSuffix(".h5") })
            let resumed = try run(cache, type: type)
            #expect(resumed.cores == straight.cores && resumed.errors == straight.errors)
            #expect(resumed.cached > 0, "files of the first attempt are used")
            let again = try run(cache, type: type)
            #expect(again.cached == plan.compressed.count && again.cores == straight.cores)
            cache.remove()
            #expect(FileSystem.kind(of: cache.directory) == nil)
        }
    }

    /// A damaged file, and one of other numbers, layout or type, are passed over.
    @Test func onlyWhatFitsIsUsed() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let cache = DecompositionCache(directory: directory), entry = plan.compressed[0], layout = entry.layout!
            var matrix = try opened.source.floats(entry.name + ".weight")
            let key = DecompositionCache.Key(matrix, layout: layout, type: .f32)
            let cores = try MPO<Float>.decompose(matrix, layout: layout).mpo.cores.map { Tensor($0.values, $0.shape) }
            let fit = FitReport(error: 0.1, heldError: 0.125, lowRankError: nil, tried: 1, seconds: 2)
            let result = Compressor.Result(name: entry.name, layout: layout, relativeError: 0.25, fit: fit)
            cache.store(key, DecompositionOutcome(result: result, cores: cores, wasCached: false))
            let found = try #require(cache.load(entry.name, key, type: .f32))
            #expect(found.cores.map { $0.floats() } == cores.map { $0.floats() } && found.result == result && found.wasCached)
            #expect(cache.load(entry.name, .init(matrix, layout: layout, type: .bf16), type: .bf16) == nil)
            let other = try MPOLayout(outFactors: layout.outFactors, inFactors: layout.inFactors, limit: .keep(0.4))
            #expect(cache.load(entry.name, .init(matrix, layout: other, type: .f32), type: .f32) == nil)
            matrix[5] += 1e-3
            #expect(cache.load(entry.name, .init(matrix, layout: layout, type: .f32), type: .f32) == nil)
            let path = "\(directory)/\(entry.name).h5"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            bytes[bytes.count - 9] ^= 4
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(cache.load(entry.name, key, type: .f32) == nil)
        }
    }

    /// What the file holds in the right type is read in place, never written.
    @Test func frozenWeightsAreMapped() throws {
        let weights = try opened.weights()
        #expect(weights.tensors.values.allSatisfy { $0.memory.isLent })
        let name = "model.norm.weight", copy = weights.tensors[name]!.writable()
        #expect(!copy.memory.isLent && copy.floats() == weights.tensors[name]!.floats())
        #expect(try copy.floats() == opened.source.floats(name))
    }
}
